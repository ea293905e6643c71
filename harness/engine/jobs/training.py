"""A training job after the answer: plan, stage in, run, stage out, settle."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.aws import Metric
from harness.contract.image_metrics import metrics_of
from harness.contract.layout import JobPlan
from harness.contract.training import METRICS_FOLDER, METRICS_NAMESPACE, model_artifact, plan_training
from harness.engine.job_cache.lookup import CacheLookup, files_of, look_up
from harness.engine.jobs.failures import JobFailed, exit_reason
from harness.engine.jobs.job_run import JobKind, JobRun
from harness.engine.jobs.metric_regexes import MetricWatch, final_metrics
from harness.engine.jobs.staging import METRICS_LIMIT, result_files
from harness.engine.lifecycle import move
from harness.engine.tracking.component_metrics import MetricPoint
from harness.kernel.kinds import KINDS
from harness.kernel.records import Record
from harness.runners.spec import Cause, Outcome

MESSAGES = {
    "Starting": "Preparing the instances for training",
    "Downloading": "Downloading input data",
    "Training": "Training image download completed. Training in progress.",
    "Uploading": "Uploading generated training model",
    "Completed": "Training job completed",
    "Failed": "Training job failed",
    "Stopping": "Stopping the training job",
    "Stopped": "Training job stopped",
    "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
    "MaxWaitTimeExceeded": "Training job wait time exceeded MaxWaitTimeInSeconds provided",
    "Interrupted": "Training job stopped because the managed spot training instances were interrupted",
}
INSTANCE_LOST = "InternalServerError: We encountered an internal error. Please try again."


def transition(record: Record, secondary: str, now: float) -> dict[str, Any]:
    """The members that a move to ``secondary`` sets: the last transition ends where the new one starts."""
    past = [dict(item) for item in record.status.get("SecondaryStatusTransitions", [])]
    if past and past[-1]["Status"] == secondary:
        return {}
    if past:
        past[-1]["EndTime"] = now
    past.append({"Status": secondary, "StartTime": now, "StatusMessage": MESSAGES[secondary]})
    return {"SecondaryStatus": secondary, "SecondaryStatusTransitions": past}


def _execute(work: JobRun) -> None:
    spec = work.record.spec
    image = work.components.images.find(spec["AlgorithmSpecification"]["TrainingImage"])
    plan = plan_training(work.record, image, work.where())
    definitions = work.record.status["AlgorithmSpecification"].get("MetricDefinitions", [])
    only_own = bool(definitions) and "MetricDefinitions" not in spec["AlgorithmSpecification"]
    watch = MetricWatch(definitions, metrics_of(image.name).mark if only_own else "")
    work.metrics = watch
    work.on_line(watch.see)
    lookup = look_up(work, image, plan)
    if not lookup.result:
        work.announce(image)
    outcome = _train(work, plan, lookup)
    _enter(work, "Uploading")
    work.stage_out(plan.outputs)
    if _verdict(work, outcome)[0] == "Completed":
        lookup.keep(files_of(plan, work.root))
    work.log.close()
    points = [*watch.points(), *_track(work)]
    _publish(work, points)
    _settle(work, outcome, points)


def _train(work: JobRun, plan: JobPlan, lookup: CacheLookup) -> Outcome:
    """Downloading and Training; both again, from the checkpoints, each time that spot instances are taken away."""
    begun, trained = work.components.clock.real(), 0.0
    while True:
        _enter(work, "Downloading", TrainingStartTime=begun)
        if not lookup.result:
            work.stage_in(plan)
        _enter(work, "Training")
        if replayed := lookup.replay_log():
            return replayed
        work.run = None  # of the attempt before
        with work.components.interruptions.over(work.key, lambda: work.run) as struck:
            outcome = work.run_program(_limit(work, plan, trained))
        if outcome.cause is Cause.NOT_STARTED:
            raise JobFailed(exit_reason(outcome, ""))
        if not struck.is_set() or outcome.cause is Cause.EXITED:
            return outcome
        if not work.record.spec.get("EnableManagedSpotTraining"):
            raise JobFailed(INSTANCE_LOST)
        trained += outcome.ended - outcome.started
        _enter(work, "Interrupted")
        if _waited_too_long(work):
            return replace(outcome, cause=Cause.TIME_LIMIT)
        _enter(work, "Starting")


def _limit(work: JobRun, plan: JobPlan, trained: float) -> JobPlan:
    """MaxRuntimeInSeconds is for all attempts together."""
    limit = plan.run.time_limit
    left = None if limit is None else max(limit - trained, 0.1)
    waited = work.components.clock.real() - work.record.created
    wait = _longest_wait(work)
    if wait is not None:
        left = min(left or math.inf, max(wait - waited, 0.1))
    others = tuple(replace(other, run=replace(other.run, time_limit=left)) for other in plan.others)
    return replace(plan, run=replace(plan.run, time_limit=left), others=others)


def _longest_wait(work: JobRun) -> float | None:
    """MaxWaitTimeInSeconds: from the creation, with the time that no instance was to be had."""
    spec = work.record.spec
    wait = spec.get("StoppingCondition", {}).get("MaxWaitTimeInSeconds")
    return float(wait) if wait and spec.get("EnableManagedSpotTraining") else None


def _waited_too_long(work: JobRun) -> bool:
    wait = _longest_wait(work)
    return wait is not None and work.components.clock.real() - work.record.created >= wait


def _enter(work: JobRun, secondary: str, **members: Any) -> None:
    """A secondary status; a job that is being stopped keeps Stopping until it uploads."""
    now = work.components.clock.real()

    def change(record: Record) -> Record:
        if record.state == "Stopping" and secondary != "Uploading":
            return record
        return replace(record, status={**record.status, **transition(record, secondary, now), **members})

    work.change(change)


def _settle(work: JobRun, outcome: Outcome, points: Sequence[MetricPoint]) -> None:
    status, secondary, reason = _verdict(work, outcome)
    now = work.components.clock.real()
    metrics = final_metrics(points)

    def change(record: Record) -> Record:
        ended = {**_ending(record, secondary, now), **({"FinalMetricDataList": metrics} if metrics else {})}
        artifact = {"ModelArtifacts": {"S3ModelArtifacts": model_artifact(record)}} if status != "Failed" else {}
        failure = {"FailureReason": reason} if reason else {}
        return move(record, status, **ended, **artifact, **failure)

    work.end(change, points)


def _verdict(work: JobRun, outcome: Outcome) -> tuple[str, str, str]:
    """``(status, secondary status, failure reason)`` of a program that ran."""
    if outcome.cause is Cause.TIME_LIMIT:
        return "Stopped", "MaxWaitTimeExceeded" if _waited_too_long(work) else "MaxRuntimeExceeded", ""
    if outcome.cause is Cause.STOPPED:
        return "Stopped", "Stopped", ""
    if outcome.code == 0:
        return "Completed", "Completed", ""
    return "Failed", "Failed", work.exit_reason(outcome, work.failure_text())


def _ending(record: Record, secondary: str, now: float) -> Mapping[str, Any]:
    moved = transition(record, secondary, now)
    if moved:
        moved["SecondaryStatusTransitions"][-1]["EndTime"] = now
    start = record.status.get("TrainingStartTime")
    times = {}
    if start is not None:
        seconds = max(1, round(now - start))
        billable = max(1, round(now - start - _without_instance(record)))
        times = {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": billable}
    return {"TrainingEndTime": now, **times, **moved}


def _without_instance(record: Record) -> float:
    """Seconds between an interruption and the next download, which nobody pays for."""
    seconds, lost = 0.0, None
    for item in record.status.get("SecondaryStatusTransitions", []):
        if item["Status"] == "Interrupted":
            lost = item["StartTime"]
        elif item["Status"] == "Downloading" and lost is not None:
            seconds, lost = seconds + item["StartTime"] - lost, None
    return seconds


def _publish(work: JobRun, points: Sequence[MetricPoint]) -> None:
    dimensions = {"TrainingJobName": work.key.name}
    data = [Metric(point.name, point.timestamp, dimensions, point.value) for point in points]
    if data:
        work.components.aws.put_metrics(work.key.account, work.key.region, METRICS_NAMESPACE, data)


_END_OF_TIME = 253402300800.0
"""The end of the year 9999, in seconds since 1970: later times are no dates."""


def _track(work: JobRun) -> Iterator[MetricPoint]:
    """The points that smexperiments' tracker left as files."""
    for file in sorted(result_files(work.root, METRICS_FOLDER)):
        if file.name.endswith(".json"):
            yield from filter(None, map(_tracked_point, file.lines(METRICS_LIMIT)))


def _tracked_point(line: str) -> MetricPoint | None:
    try:
        item = json.loads(line)
        name, moment, value = str(item["MetricName"]), float(item["Timestamp"]), float(item["Value"])
        step = item.get("IterationNumber")
        if 0 <= moment < _END_OF_TIME and math.isfinite(value):
            return MetricPoint(name, moment, value, None if step is None else int(step))
    # A half-written line of a program that was killed; a number out of range; lists nested thousands deep.
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
        pass
    return None


TRAINING = JobKind(KINDS["TrainingJob"], _execute, _ending)
