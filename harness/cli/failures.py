"""The lines of a failed scenario in the terminal: each failed step with its evidence, and everything once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.report.model import Resource, ScenarioReport

SHOWN_LOG_LINES, SHOWN_JOB_LINES, MOST_FRAMES = 15, 10, 50
_HARNESS = Path(__file__).resolve().parents[1]
_FRAME = re.compile(r'^  File "([^"]+)", line (\d+), in .*\n +(.*)', re.MULTILINE)
_INSTALLED = re.compile(r"/(site-packages|dist-packages|python3\.\d+)/")


def failure_lines(report: ScenarioReport) -> list[str]:
    """Describe a failure: its step, its evidence, the logs of failed jobs, and the end of the scenario's output."""
    if report.passed:
        return []
    failed = [step for step in report.steps if step.state == "failed"]
    if report.interrupted:
        return [f"interrupted in step {failed[0].name!r}" if failed else "interrupted"]
    lines = [line for step in failed for line in f"failed in step {step.name!r}: {step.error}".splitlines()]
    lines = lines or [f"failed: {_last_line(report.traceback)}"]
    frames = list(_own_frames(report))
    lines += [f"at {frame}" for frame in frames]
    for job in report.resources:
        if job.status == "Failed":
            lines += _job_lines(job, lines)
    # Where the error came from is said, and what it says: the way through the SDK's own code is in the report.
    shown = [*lines, *(report.traceback.splitlines() if frames else [])]
    log = [line for line in _new(report.log_tail, shown) if line.strip()][-SHOWN_LOG_LINES:]
    return [*lines, "end of its output:", *(f"  | {line}" for line in log)] if log else lines


def _own_frames(report: ScenarioReport) -> Iterator[str]:
    """Return the frames of the user's own code: no libraries, nor what a job's failure quotes."""
    for file, number, code in _FRAME.findall(report.traceback)[-MOST_FRAMES:]:
        own = not _INSTALLED.search(file) and not Path(file).resolve().is_relative_to(_HARNESS)
        if own and Path(file).is_file():
            yield f"{file}:{number}: {code}"


def _job_lines(job: Resource, shown: list[str]) -> Iterator[str]:
    reason, text = str(job.description.get("FailureReason", "")), "\n".join(shown)
    if not (reason and reason in text and job.name in text):
        yield f"{job.kind} {job.name} failed: {reason}"
    tail = job.log_tail[-SHOWN_JOB_LINES:]
    # A reason often is the end of the log.
    if len(list(_new(tail, shown))) > len(tail) / 2:
        yield from (f"  | {line}" for line in tail)


def _new(lines: Iterable[str], shown: list[str]) -> Iterator[str]:
    known = {line.strip().removeprefix("| ").strip() for line in shown}
    return (line for line in lines if line.strip() not in known)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
