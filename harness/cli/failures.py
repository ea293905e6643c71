"""What a failed scenario says in the terminal: each failed step with its evidence, and everything once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from harness.report.story import Resource, ScenarioReport

SHOWN_LOG_LINES, SHOWN_JOB_LINES = 15, 10


def failure_lines(report: ScenarioReport) -> list[str]:
    """What went wrong and where, its evidence, the logs of failed jobs, and the end of what the scenario printed."""
    if report.passed:
        return []
    failed = [step for step in report.steps if step.state == "failed"]
    if report.interrupted:
        return [f"interrupted in step {failed[0].name!r}" if failed else "interrupted"]
    lines = [line for step in failed for line in f"failed in step {step.name!r}: {step.error}".splitlines()]
    lines = lines or [f"failed: {_last_line(report.traceback)}"]
    lines += _place(report)
    for job in report.resources:
        if job.status == "Failed":
            lines += _job_lines(job, lines)
    # An expectation says all there is to say; what else broke is better understood with its traceback.
    told = [*lines, *(report.traceback.splitlines() if _is_expectation(report) else [])]
    log = [line for line in _new(report.log_tail, told) if line.strip()][-SHOWN_LOG_LINES:]
    return [*lines, "end of its output:", *(f"  | {line}" for line in log)] if log else lines


def _place(report: ScenarioReport) -> Iterator[str]:
    """The last line of the scenario's own file that the error went through."""
    frames = re.findall(rf'File "(.*\b{re.escape(report.name)}\.py)", line (\d+), in .*\n +(.*)', report.traceback)
    if frames:
        file, number, code = frames[-1]
        yield f"at {file}:{number}: {code}"


def _job_lines(job: Resource, told: list[str]) -> Iterator[str]:
    reason, text = str(job.description.get("FailureReason", "")), "\n".join(told)
    if not (reason and reason in text and job.name in text):
        yield f"{job.kind} {job.name} failed: {reason}"
    for line in _new(job.log_tail[-SHOWN_JOB_LINES:], told):
        yield f"  | {line}"


def _new(lines: Iterable[str], told: list[str]) -> Iterator[str]:
    known = {line.strip().removeprefix("| ").strip() for line in told}
    return (line for line in lines if line.strip() not in known)


def _is_expectation(report: ScenarioReport) -> bool:
    return any(not each.passed for each in report.expectations)


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1] if lines else "it said nothing"
