"""Job logs on disk: positions, escaping, limits, and what a kill leaves."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from harness.stores.log_files import MAX_EVENT, LogFiles

GROUP, STREAM, WHERE = "/aws/sagemaker/TrainingJobs", "job-1/algo-1-17", ("123456789012", "us-east-1")
AT = (GROUP, STREAM, *WHERE)


def messages(logs: LogFiles, start: int = 0) -> list[str]:
    return [event.message for event in logs.read(*AT, start=start)]


def test_chunks_become_lines(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path)
    writer = logs.open(*AT)
    told: list[str] = []
    writer.on_line(lambda event: told.append(event.message))
    for chunk in (b"on", b"e\ntwo\nth", b"", b"ree", b"\n\nlast"):
        writer.write(chunk)
    assert messages(logs) == ["one", "two", "three", ""]
    writer.close()
    assert messages(logs) == told == ["one", "two", "three", "", "last"]
    assert messages(logs, start=3) == ["", "last"]
    assert messages(logs, start=99) == []
    assert writer.tail(2) == ["", "last"]


def test_control_characters_are_escaped_as_the_platform_does(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path)
    writer = logs.open(*AT)
    told: list[str] = []
    writer.on_line(lambda event: told.append(event.message))
    writer.write("[0]\ttrain-rmse:0.5\r\n\x1b[31mred \x00 é日\n".encode() + b"\xff\xfe bad\n")
    assert messages(logs) == told == ["[0]#011train-rmse:0.5#015", "#033[31mred #000 é日", "\ufffd\ufffd bad"]


def test_own_lines_come_after_what_was_written(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path)
    writer = logs.open(*AT)
    writer.write(b"unfinished")
    writer.line("stopped\nfor a reason")
    assert messages(logs) == ["unfinished", "stopped", "for a reason"]


def test_long_lines_are_cut_between_characters(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path)
    writer = logs.open(*AT)
    text = "é" * MAX_EVENT
    for at in range(0, len(text.encode()), 10_001):
        writer.write(text.encode()[at : at + 10_001])
    writer.write(b"\n" + b"x" * (MAX_EVENT + 5) + b"\nend\n")
    found = messages(logs)
    assert all(len(one.encode()) <= MAX_EVENT for one in found)
    assert "\ufffd" not in "".join(found)
    assert "".join(found) == text + "x" * (MAX_EVENT + 5) + "end"


def test_beyond_the_limit_lines_are_counted_and_said_so_once(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path, limit_mb=1)
    writer = logs.open(*AT)
    told: list[Any] = []
    writer.on_line(told.append)
    for _ in range(300):
        writer.write(b"x" * 9_999 + b"\n")
    writer.close()
    found = messages(logs)
    assert [one for one in found if not one.startswith("x")] == [
        "[harness] This stream holds 1 MB, the limit: further lines are counted and not stored",
        f"[harness] {300 - len(found) + 2} further lines were counted and not stored",
    ]
    assert logs.facts(*AT).size < 1.1 * 1024 * 1024  # type: ignore[union-attr]
    assert len([event for event in told if event.message.startswith("x")]) == 300


def test_positions_and_times_by_index(tmp_path: Path) -> None:
    moment = [1_000_000_000.0]
    logs = LogFiles(tmp_path, now=lambda: moment[0])
    writer = logs.open(*AT)
    for number in range(5000):
        moment[0] = 1_000_000_000.0 + number
        writer.write(b"%d\n" % number)
    for again in (logs, LogFiles(tmp_path)):
        assert [next(again.read(*AT, start=n)).message for n in (0, 1, 1023, 1024, 4999)] == [
            "0",
            "1",
            "1023",
            "1024",
            "4999",
        ]
        for second in (0, 1, 1024, 3000, 4999, 5000):
            assert again.position_at(*AT, timestamp=(1_000_000_000 + second) * 1000) == second
        assert again.position_at(*AT, timestamp=0) == 0
        facts = again.facts(*AT)
        assert facts is not None
        assert (facts.events, facts.first, facts.last) == (5000, 1_000_000_000_000, 1_000_004_999_000)


@pytest.mark.parametrize("lines", [1, 1023, 1024, 1025, 5000])
def test_appending_goes_on_after_a_kill(tmp_path: Path, lines: int) -> None:
    logs = LogFiles(tmp_path)
    writer = logs.open(*AT)
    writer.write(b"".join(b"%d\n" % number for number in range(lines)))
    (path,) = tmp_path.rglob("*.log")
    with path.open("ab") as torn:
        torn.write(b"17953670859")  # as if killed while writing a line
    os.truncate(path.with_suffix(".idx"), max(path.with_suffix(".idx").stat().st_size - 5, 0))
    again = LogFiles(tmp_path)
    writer = again.open(*AT)
    writer.write(b"more\n")
    assert messages(again) == [*map(str, range(lines)), "more"]
    assert messages(again, start=lines) == ["more"]
    assert messages(LogFiles(tmp_path), start=lines) == ["more"]


def test_times_never_go_back(tmp_path: Path) -> None:
    moments = iter([5.0, 3.0, 7.0])
    logs = LogFiles(tmp_path, now=lambda: next(moments))
    writer = logs.open(*AT)
    for _ in range(3):
        writer.write(b"x\n")
    assert [event.timestamp for event in logs.read(*AT)] == [5000, 5000, 7000]


def test_several_writers_of_one_stream(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path)

    def work(name: str) -> None:
        writer = logs.open(*AT)
        for number in range(500):
            writer.write(f"{name} {number}\n".encode())
        writer.close()

    threads = [threading.Thread(target=work, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = messages(logs)
    assert len(found) == 2000
    for name in "abcd":
        assert [one for one in found if one.startswith(name)] == [f"{name} {number}" for number in range(500)]


def test_groups_and_streams_by_name(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path)
    names = ["job/a", "job/b", "other/~x", ".", "é.log", "n" * 400 + "1", "n" * 400 + "2"]
    for name in names:
        logs.open(GROUP, name, *WHERE).line(name)
    again = LogFiles(tmp_path)
    assert again.streams(GROUP, *WHERE) == sorted(names)
    assert again.streams(GROUP, *WHERE, prefix="job/") == ["job/a", "job/b"]
    assert again.groups(*WHERE) == [GROUP]
    assert again.groups("1", "us-east-1") == again.streams("none", *WHERE) == []
    for name in names:
        assert [event.message for event in again.read(GROUP, name, *WHERE)] == [name]
    again.delete_stream(GROUP, "job/a", *WHERE)
    assert again.streams(GROUP, *WHERE, prefix="job/") == ["job/b"]
    again.delete_group(GROUP, *WHERE)
    assert again.groups(*WHERE) == []
    assert list(again.read(GROUP, "job/b", *WHERE)) == []


def test_full_disk_does_not_stop_the_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.stores import log_stream

    logs = LogFiles(tmp_path)
    writer = logs.open(*AT)
    writer.write(b"kept\n")

    def no_space(descriptor: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(log_stream.os, "write", no_space)
        writer.write(b"lost\n")
    writer.write(b"again\n")
    writer.close()
    assert messages(logs) == ["kept", "again", "[harness] 1 further lines were counted and not stored"]


def test_no_name_leads_out_of_the_folder(tmp_path: Path) -> None:
    logs = LogFiles(tmp_path / "logs")
    logs.open("../../g", "../../s", "..", "../..").line("x")
    assert list(tmp_path.iterdir()) == [tmp_path / "logs"]
    assert [event.message for event in logs.read("../../g", "../../s", "..", "../..")] == ["x"]
