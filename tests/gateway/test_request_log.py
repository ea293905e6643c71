from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from harness.gateway.request_log import RequestLog


def test_a_long_log_begins_anew_and_the_old_one_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.gateway.request_log._ROLL_AT", 1000)
    journal = RequestLog(tmp_path / "emulator.log")
    for number in range(100):
        journal.note({"number": number})
    journal.close()
    text = (tmp_path / "emulator.log.1").read_text() + (tmp_path / "emulator.log").read_text()
    kept = [json.loads(line)["number"] for line in text.splitlines()]
    assert kept == list(range(kept[0], 100))
    assert (tmp_path / "emulator.log.1").stat().st_size < 1200


def test_warnings_of_the_emulators_own_modules_are_noted_with_their_traceback(tmp_path: Path) -> None:
    journal = RequestLog(tmp_path / "emulator.log")
    with journal.taking_warnings():
        logging.getLogger("harness.engine.jobs.queue").info("not this")
        try:
            raise ZeroDivisionError
        except ZeroDivisionError:
            logging.getLogger("harness.engine.jobs.queue").exception("job x")
    logging.getLogger("harness.engine.jobs.queue").warning("nor this")
    journal.close()
    line = json.loads((tmp_path / "emulator.log").read_text())
    assert (line["level"], line["logger"]) == ("ERROR", "harness.engine.jobs.queue")
    assert line["message"].startswith("job x\nTraceback")


def test_a_closed_log_takes_no_more(tmp_path: Path) -> None:
    journal = RequestLog(tmp_path / "emulator.log")
    journal.close()
    journal.note({"late": True})
    assert (tmp_path / "emulator.log").read_text() == ""
