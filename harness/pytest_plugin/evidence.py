"""The evidence in the report of a failing test: the last answers, the jobs, S3, and where to look further."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin.runs import current_run
from harness.scenario.events import ExpectationEvent, read_events
from harness.scenario.run_folder import RunFolder

if TYPE_CHECKING:
    from harness.aws_run.ledger import LedgerEntry
    from harness.pytest_plugin.emulator_target import SagemakerHarness

ANSWERS, OBJECTS, TAIL = 12, 20, 20
_LOG_BYTES, _LONGEST_ERROR = 512 * 1024, 300


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Add sections to the report, so that every reporter (terminal, JUnit, HTML) shows them."""
    run = current_run(item.config)
    for harness in run.harnesses if run else ():
        for title, lines in _sections(harness):
            if lines:
                _add(report, f"harness: {title}", "\n".join(lines))


def _add(report: pytest.TestReport, title: str, text: str) -> None:
    """Add a section to the failure itself, which is in every kind of report; JUnit XML leaves other sections out."""
    add = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add(title, text)
    else:  # a failure in words, without a traceback
        report.sections.append((title, text))


def _sections(harness: SagemakerHarness) -> Iterator[tuple[str, list[str]]]:
    for title, gather in _ON_AWS if harness.ledger else _ON_THE_EMULATOR:
        try:
            yield title, gather(harness)
        except Exception as error:  # evidence must not hide the failure that it explains
            yield title, [f"(could not be had: {type(error).__name__}: {error})"]


def _expectations(harness: SagemakerHarness) -> list[str]:
    events = read_events(RunFolder(harness.folder).events)
    expectations = [event for event in events if isinstance(event, ExpectationEvent)]
    return [f"{'met    ' if event.passed else 'NOT MET'}  {event.text}" for event in expectations]


def _answers(harness: SagemakerHarness) -> list[str]:
    """List the last answers of the emulator's log, so those of every client. Repetitions are one line."""
    answers: list[tuple[str, float, int]] = []
    for entry in _read_log(harness.state / "emulator.log"):
        if entry.get("account") != harness.account:
            continue
        error = "  " + " ".join(entry["error"].split())[:_LONGEST_ERROR] if entry.get("error") else ""
        line = f"{entry['status']}  {entry['service']} {entry['operation']}{error}"
        ms, times = (answers.pop()[1:]) if answers and answers[-1][0] == line else (0.0, 0)
        answers.append((line, ms + entry["ms"], times + 1))
    return [f"{line}  ({ms:.0f} ms{f', {times} times' if times > 1 else ''})" for line, ms, times in answers[-ANSWERS:]]


def _read_log(file: Path) -> Iterator[dict[str, Any]]:
    for line in _end_of(file):
        with contextlib.suppress(ValueError):  # the half line where the look begins
            yield json.loads(line)


def _end_of(file: Path) -> list[bytes]:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _LOG_BYTES))
        return stream.read().splitlines()


def _mine(harness: SagemakerHarness) -> list[dict[str, str]]:
    from harness.clients.emulator_process import find

    emulator = find(harness.state)
    jobs = emulator.ask("/_harness/jobs")["jobs"] if emulator else []
    return [job for job in jobs if job["account"] == harness.account]


def _jobs(harness: SagemakerHarness) -> list[str]:
    """List the jobs with their status, and the reason and the end of the log of one that failed."""
    lines = []
    for job in _mine(harness):
        lines.append(f"{job['status']}  {job['kind']} {job['name']}")
        if job["status"] == "Failed":
            lines.append(f"  {job['reason']}")
            lines += [f"  | {line}" for line in harness.logs(job["name"])[-TAIL:]]
    return lines


def _objects(harness: SagemakerHarness) -> list[str]:
    s3 = harness.client("s3")
    if harness.session.bucket not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        return []
    answer = s3.list_objects_v2(Bucket=harness.session.bucket, MaxKeys=OBJECTS)
    listed = [f"{item['Size']:>12}  s3://{harness.session.bucket}/{item['Key']}" for item in answer.get("Contents", [])]
    return [*listed, *(["             …"] if answer["IsTruncated"] else [])]


def _commands(harness: SagemakerHarness) -> list[str]:
    failed = [job["name"] for job in _mine(harness) if job["status"] == "Failed"]
    named = [f"harness logs {name} --state {harness.state}" for name in failed]
    return [f"harness start --state {harness.state}", *named, f"harness status --state {harness.state}"]


def _list_created(harness: SagemakerHarness) -> list[str]:
    """List what was created, with its state before the teardown, and the log's end of what failed."""
    from harness.aws_run.ledger import read
    from harness.promotion.teardown.resources import status

    lines: list[str] = []
    for entry in read(harness.ledger)[1] if harness.ledger else ():
        lines.append(f"{entry.state:8}  {entry.kind} {entry.name}")
        if entry.service != "sagemaker" or not entry.open:
            continue
        description = _describe(harness, entry)
        if status(entry.kind, description) == "Failed":
            lines.append(f"  {description.get('FailureReason', '')}")
            lines += [f"  | {line}" for line in harness.logs(entry.name)[-TAIL:]]
    return lines


def _describe(harness: SagemakerHarness, entry: LedgerEntry) -> Mapping[str, Any]:
    from harness.promotion.teardown.resources import request_for

    client = harness.client("sagemaker")
    request = request_for(client, "Describe", entry)
    return getattr(client, request[0])(**request[1]) if request else {}


def _clean_commands(harness: SagemakerHarness) -> list[str]:
    return [f"ledger: {harness.ledger}", f"harness clean --profile {harness.profile}  (should anything be left)"]


_ON_THE_EMULATOR = (
    ("expectations", _expectations),
    ("the last answers", _answers),
    ("jobs and endpoints", _jobs),
    ("objects in S3", _objects),
    ("look further", _commands),
)
_ON_AWS = (("expectations", _expectations), ("created on AWS", _list_created), ("look further", _clean_commands))
