"""The events file: written and read at the same time, and readable when an earlier version wrote it."""

from __future__ import annotations

import json
from pathlib import Path

from harness.scenario.events import (
    CreatedEvent,
    EndEvent,
    EventReader,
    EventWriter,
    EvidenceEvent,
    StepEvent,
    read_events,
)


def test_events_are_read_once_and_in_order(tmp_path: Path) -> None:
    file = tmp_path / "events"
    reader = EventReader(file)
    assert list(reader.new()) == []
    writer = EventWriter(file)
    one, two = StepEvent(name="one", changed=[]), StepEvent(name="two", state="passed", changed=["X"])
    writer.write(one)
    assert list(reader.new()) == [one]
    writer.write(two)
    writer.write(end := EndEvent(passed=True, tests=["t"]))
    assert list(reader.new()) == [two, end]
    assert list(reader.new()) == []
    writer.close()


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    file = tmp_path / "events"
    reader = EventReader(file)
    file.write_text('{"event": "kept", "run": "a", "at": 1}\n{"eve')
    assert [event.at for event in reader.new()] == [1]
    with file.open("a") as stream:
        stream.write('nt": "kept", "run": "b", "at": 2}\n')
    assert [event.at for event in reader.new()] == [2]


def test_values_that_json_does_not_know_are_written_as_text(tmp_path: Path) -> None:
    writer = EventWriter(tmp_path / "events")
    writer.write(EvidenceEvent(kind="text", title="t", content={"path": Path("/x")}))
    writer.close()
    (event,) = EventReader(tmp_path / "events").new()
    assert isinstance(event, EvidenceEvent)
    assert event.content == {"path": "/x"}
    assert event.at > 0


def test_files_of_other_versions_are_read(tmp_path: Path) -> None:
    lines = [
        {"event": "created", "kind": "Model", "name": "m", "instances": [], "at": 1},  # without later members
        {"event": "step", "name": "One", "state": "passed", "at": 2, "mood": "fine"},  # with an unknown member
        {"event": "weather", "at": 3},  # of an unknown kind
        {"event": "step", "at": 4},  # without its name
        ["no event"],
    ]
    (tmp_path / "events").write_text("\n".join([*map(json.dumps, lines), '{"event": "end", "pass']))
    created, step = read_events(tmp_path / "events")
    assert created == CreatedEvent(kind="Model", name="m", instances=[], at=1)
    assert step == StepEvent(name="One", state="passed", at=2)
