"""A processing job after the answer: plan, stage in, run, stage out, settle."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.processing import MESSAGE_FILE, plan_processing
from harness.engine.job_cache.lookup import files_of, look_up
from harness.engine.jobs.container_metrics import publish_container_metrics
from harness.engine.jobs.failures import JobFailed, exit_reason
from harness.engine.jobs.job_run import JobKind, JobRun
from harness.kernel.job_files import find_file
from harness.kernel.kinds import KINDS
from harness.kernel.records import Record
from harness.runners.spec import Cause, Outcome


def _execute(work: JobRun) -> None:
    image = work.components.images.find(work.record.spec["AppSpecification"]["ImageUri"])
    plan = plan_processing(work.record, image, work.where())
    lookup = look_up(work, image, plan)
    if not lookup.result:
        work.announce(image)
        work.stage_in(plan)
    work.set(ProcessingStartTime=work.components.clock.real())
    outcome = lookup.replay_log() or work.run_program(plan)
    if outcome.cause is Cause.NOT_STARTED:
        raise JobFailed(exit_reason(outcome, ""))
    work.stage_out(plan.outputs)
    publish_container_metrics(work)
    status, members = _verdict(work, outcome)
    if status == "Completed":
        lookup.keep(files_of(plan, work.root))
    work.settle(status, **_ending(work.record, status, work.components.clock.real()), **members)


def _verdict(work: JobRun, outcome: Outcome) -> tuple[str, dict[str, Any]]:
    message, broken = _exit_message(work)
    members: dict[str, Any] = {"ExitMessage": message} if message else {}
    if broken:
        return "Failed", {"FailureReason": broken}
    if outcome.cause is Cause.STOPPED:
        return "Stopped", members
    if outcome.cause is Cause.TIME_LIMIT:
        limit = work.record.status["StoppingCondition"]["MaxRuntimeInSeconds"]
        reason = f"ClientError: The job ran longer than MaxRuntimeInSeconds ({limit}) and was stopped"
        return "Stopped", {**members, "FailureReason": reason}
    if outcome.code != 0:
        return "Failed", {**members, "FailureReason": work.exit_reason(outcome, message)}
    return "Completed", members


def _exit_message(work: JobRun) -> tuple[str, str]:
    """The first 1,024 bytes of the hosts' message files, one after the other; text that is not UTF-8 fails the job.

    The ProcessingJob data type of the API reference ("ExitMessage") has the rules.
    """
    files = [find_file(root, MESSAGE_FILE) for root in work.roots]
    head = b"".join(file.read(1024) for file in files if file is not None)[:1024]
    try:
        return head.decode(), ""
    except UnicodeDecodeError as error:
        if error.start > len(head) - 4 and error.reason == "unexpected end of data":  # cut inside a character
            return head[: error.start].decode(), ""
        return "", f"ClientError: {MESSAGE_FILE} is not valid UTF-8: {error}"


def _ending(record: Record, status: str, now: float) -> Mapping[str, Any]:
    return {"ProcessingEndTime": now}


PROCESSING = JobKind(KINDS["ProcessingJob"], _execute, _ending)
