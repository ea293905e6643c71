from __future__ import annotations

from pathlib import Path

from harness.scenario.events import EventReader, EventWriter


def test_events_are_read_once_and_in_order(tmp_path: Path) -> None:
    file = tmp_path / "events"
    reader = EventReader(file)
    assert list(reader.new()) == []
    writer = EventWriter(file)
    writer.tell("step", name="one", state="started")
    assert [event["name"] for event in reader.new()] == ["one"]
    writer.tell("step", name="two", state="started")
    writer.tell("end", passed=True)
    assert [event["event"] for event in reader.new()] == ["step", "end"]
    assert list(reader.new()) == []
    writer.close()


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    file = tmp_path / "events"
    reader = EventReader(file)
    file.write_text('{"event": "a"}\n{"eve')
    assert [event["event"] for event in reader.new()] == ["a"]
    with file.open("a") as stream:
        stream.write('nt": "b"}\n')
    assert [event["event"] for event in reader.new()] == ["b"]


def test_values_that_json_does_not_know_are_told_as_text(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events")
    writer.tell("evidence", content={"path": Path("/x")})
    writer.close()
    (event,) = EventReader(tmp_path / "events").new()
    assert event["content"] == {"path": "/x"}
    assert event["at"] > 0
