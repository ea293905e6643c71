"""The ledger as a file: what survives a crash, and what AWS's answers make of what was asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.aws_run.ledger import CREATED, DELETED, INTENDED, REFUSED, Header, Ledger, LedgerUnreadable, alive, read
from harness.clients.emulator_process import package_parent

HEADER = Header("20260101-000000-abcd", "it", "aws", "123456789012", "us-east-1", "me@here", 1.0, 2.0)
MODEL = ("sagemaker", "Model", "m")


def begun(folder: Path) -> Ledger:
    return Ledger.begin(folder / "ledger", HEADER)


def states(ledger: Ledger) -> list[str]:
    return [entry.state for entry in read(ledger.file)[1]]


def test_what_is_asked_for_is_there_before_the_answer(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.intend(*MODEL, identity={"ModelName": "m"}, step="Deploy", detail={"own": True})
    header, (entry,) = read(ledger.file)
    assert header == HEADER
    assert (entry.state, entry.open, entry.step, entry.identity) == (INTENDED, True, "Deploy", {"ModelName": "m"})
    ledger.mark(MODEL, CREATED, identity={"ModelArn": "arn"})
    ledger.mark(MODEL, DELETED)
    (entry,) = read(ledger.file)[1]
    assert (entry.state, entry.open, entry.identity) == (DELETED, False, {"ModelName": "m", "ModelArn": "arn"})
    ledger.close()


def test_the_second_of_a_name_is_refused_and_the_first_stays(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.intend(*MODEL)
    ledger.mark(MODEL, CREATED)
    ledger.intend(*MODEL)
    ledger.mark(MODEL, REFUSED)
    assert states(ledger) == [CREATED]
    ledger.close()


def test_a_refusal_after_an_unanswered_call_proves_nothing(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.intend(*MODEL)
    ledger.intend(*MODEL)
    ledger.mark(MODEL, REFUSED)
    assert states(ledger) == [INTENDED]
    ledger.mark(MODEL, REFUSED)
    assert states(ledger) == [REFUSED]
    ledger.close()


def test_a_line_cut_short_costs_that_line_only(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    ledger.intend(*MODEL)
    ledger.close()
    with ledger.file.open("a") as stream:
        stream.write('{"state": "intended", "service": "sage')
    again = Ledger(ledger.file)
    again.intend("sagemaker", "Endpoint", "e")
    assert [entry.kind for entry in read(again.file)[1]] == ["Model", "Endpoint"]
    again.close()


def test_it_is_alive_as_long_as_a_process_holds_it(tmp_path: Path) -> None:
    ledger = begun(tmp_path)
    assert alive(ledger.file)
    ledger.close()
    assert not alive(ledger.file)
    program = (
        "import sys, pathlib; from harness.aws_run.ledger import Ledger;"
        "held = Ledger(pathlib.Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    argv = [sys.executable, "-c", program, str(ledger.file)]
    with subprocess.Popen(argv, stdin=-1, stdout=-1, env={"PYTHONPATH": package_parent()}) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        assert alive(ledger.file)
        process.kill()
        process.wait(timeout=10)
    assert not alive(ledger.file)


def test_another_file_or_version_is_refused(tmp_path: Path) -> None:
    for content in ("", "{}\n", '{"ledger": {"version": 2}}\n', "no json\n"):
        file = tmp_path / "x.jsonl"
        file.write_text(content)
        with pytest.raises(LedgerUnreadable, match="not a ledger of this version"):
            read(file)
