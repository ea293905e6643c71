"""What a failing test is told besides its traceback: the last answers, the jobs, S3, and where to look further."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from harness.pytest_plugin.runs import begun_run
from harness.scenario.run_folder import RunFolder

if TYPE_CHECKING:
    from harness.aws_run.ledger import LedgerEntry
    from harness.pytest_plugin.places import SagemakerHarness

ANSWERS, OBJECTS, TAIL = 12, 20, 20
_LOG_BYTES, _LONGEST_ERROR = 512 * 1024, 300


def attach(item: pytest.Item, report: pytest.TestReport) -> None:
    """Sections of the report, so that every reporter (terminal, JUnit, HTML) shows them."""
    run = begun_run(item.config)
    for place in run.places if run else ():
        for title, lines in _sections(place):
            if lines:
                _add(report, f"harness: {title}", "\n".join(lines))


def _add(report: pytest.TestReport, title: str, text: str) -> None:
    """To the failure itself, which goes into every kind of report; JUnit XML leaves other sections out."""
    add = getattr(report.longrepr, "addsection", None)
    if add is not None:
        add(title, text)
    else:  # a failure in words, without a traceback
        report.sections.append((title, text))


def _sections(place: SagemakerHarness) -> Iterator[tuple[str, list[str]]]:
    for title, gather in _ON_AWS if place.ledger else _ON_THE_EMULATOR:
        try:
            yield title, gather(place)
        except Exception as error:  # evidence must not hide the failure it is about
            yield title, [f"(could not be had: {type(error).__name__}: {error})"]


def _expectations(place: SagemakerHarness) -> list[str]:
    lines = RunFolder(place.folder).events.read_text(encoding="utf-8").splitlines()
    told = [event for event in map(json.loads, lines) if event["event"] == "expectation"]
    return [f"{'met    ' if event['passed'] else 'NOT MET'}  {event['text']}" for event in told]


def _answers(place: SagemakerHarness) -> list[str]:
    """From the emulator's own log, so that calls of every client are among them. Repetitions are one line."""
    found: list[tuple[str, float, int]] = []
    for entry in _logged(place.state / "emulator.log"):
        if entry.get("account") != place.account:
            continue
        error = "  " + " ".join(entry["error"].split())[:_LONGEST_ERROR] if entry.get("error") else ""
        told = f"{entry['status']}  {entry['service']} {entry['operation']}{error}"
        ms, times = (found.pop()[1:]) if found and found[-1][0] == told else (0.0, 0)
        found.append((told, ms + entry["ms"], times + 1))
    return [f"{told}  ({ms:.0f} ms{f', {times} times' if times > 1 else ''})" for told, ms, times in found[-ANSWERS:]]


def _logged(file: Path) -> Iterator[dict[str, Any]]:
    for line in _end_of(file):
        with contextlib.suppress(ValueError):  # the half line where the look begins
            yield json.loads(line)


def _end_of(file: Path) -> list[bytes]:
    with file.open("rb") as stream:
        stream.seek(max(0, file.stat().st_size - _LOG_BYTES))
        return stream.read().splitlines()


def _mine(place: SagemakerHarness) -> list[dict[str, str]]:
    from harness.clients.emulator_process import find

    if ran := _ran_in_local_mode(place):
        return ran
    emulator = find(place.state)
    jobs = emulator.ask("/_harness/jobs")["jobs"] if emulator else []
    return [job for job in jobs if job["account"] == place.account]


def _ran_in_local_mode(place: SagemakerHarness) -> list[dict[str, str]]:
    from harness.localmode.session import LocalModeSession

    return place.session.jobs() if isinstance(place.session, LocalModeSession) else []


def _jobs(place: SagemakerHarness) -> list[str]:
    """Each with its status; of one that failed also the reason and the end of its log."""
    lines = []
    for job in _mine(place):
        lines.append(f"{job['status']}  {job['kind']} {job['name']}")
        if job["status"] == "Failed":
            lines.append(f"  {job['reason']}")
            lines += [f"  | {line}" for line in place.logs(job["name"])[-TAIL:]]
    return lines


def _objects(place: SagemakerHarness) -> list[str]:
    s3 = place.client("s3")
    if place.session.bucket not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
        return []
    answer = s3.list_objects_v2(Bucket=place.session.bucket, MaxKeys=OBJECTS)
    listed = [f"{item['Size']:>12}  s3://{place.session.bucket}/{item['Key']}" for item in answer.get("Contents", [])]
    return [*listed, *(["             …"] if answer["IsTruncated"] else [])]


def _commands(place: SagemakerHarness) -> list[str]:
    # Jobs of local mode are nobody's but this process's: their log is shown above, or nowhere.
    failed = [job["name"] for job in _mine(place) if job["status"] == "Failed" and not _ran_in_local_mode(place)]
    named = [f"harness logs {name} --state {place.state}" for name in failed]
    return [f"harness start --state {place.state}", *named, f"harness status --state {place.state}"]


def _created(place: SagemakerHarness) -> list[str]:
    """Each with its state at AWS, before it is torn down; of what failed the reason and the end of its log."""
    from harness.aws_run.ledger import read
    from harness.promotion.teardown.resources import status

    lines: list[str] = []
    for entry in read(place.ledger)[1] if place.ledger else ():
        lines.append(f"{entry.state:8}  {entry.kind} {entry.name}")
        if entry.service != "sagemaker" or not entry.open:
            continue
        found = _looked_at(place, entry)
        if status(entry.kind, found) == "Failed":
            lines.append(f"  {found.get('FailureReason', '')}")
            lines += [f"  | {line}" for line in place.logs(entry.name)[-TAIL:]]
    return lines


def _looked_at(place: SagemakerHarness, entry: LedgerEntry) -> Mapping[str, Any]:
    from harness.promotion.teardown.resources import request_for

    client = place.client("sagemaker")
    asked = request_for(client, "Describe", entry)
    return getattr(client, asked[0])(**asked[1]) if asked else {}


def _clean_commands(place: SagemakerHarness) -> list[str]:
    return [f"ledger: {place.ledger}", f"harness clean --profile {place.profile}  (should anything be left)"]


_ON_THE_EMULATOR = (
    ("expectations", _expectations),
    ("the last answers", _answers),
    ("jobs and endpoints", _jobs),
    ("objects in S3", _objects),
    ("look further", _commands),
)
_ON_AWS = (("expectations", _expectations), ("created on AWS", _created), ("look further", _clean_commands))
