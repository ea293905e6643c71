"""A training job after the answer: plan, stage in, run, stage out, settle."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.contract import xgboost_metrics
from harness.contract.catalog import resolve_image
from harness.contract.training import LOG_GROUP, METRICS_FOLDER, METRICS_NAMESPACE, model_artifact, plan_training
from harness.engine.failures import JobFailed, exit_reason
from harness.engine.lifecycle import move, status_of
from harness.engine.metric_regexes import MetricWatch, Series, final_metrics
from harness.engine.staging import result_files
from harness.engine.work import JobKind, Work
from harness.kernel.records import Record
from harness.runners.spec import Cause, Outcome
from harness.stores.aws_backends import Metric

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
}


def transition(record: Record, secondary: str, now: float) -> dict[str, Any]:
    """The members that a move to ``secondary`` sets: the last transition ends where the new one starts."""
    past = [dict(item) for item in record.status.get("SecondaryStatusTransitions", [])]
    if past and past[-1]["Status"] == secondary:
        return {}
    if past:
        past[-1]["EndTime"] = now
    past.append({"Status": secondary, "StartTime": now, "StatusMessage": MESSAGES[secondary]})
    return {"SecondaryStatus": secondary, "SecondaryStatusTransitions": past}


def _execute(work: Work) -> None:
    spec = work.record.spec
    image = resolve_image(spec["AlgorithmSpecification"]["TrainingImage"])
    plan = plan_training(work.record, image, work.where())
    definitions = work.record.status["AlgorithmSpecification"].get("MetricDefinitions", [])
    only_own = bool(definitions) and "MetricDefinitions" not in spec["AlgorithmSpecification"]
    watch = MetricWatch.of(definitions, xgboost_metrics.MARK if only_own else "")
    work.log.on_line(watch.see)
    work.announce(image)
    _enter(work, "Downloading", TrainingStartTime=work.doors.clock.real())
    work.stage_in(plan)
    _enter(work, "Training")
    outcome = work.run_program(plan)
    if outcome.cause is Cause.NOT_STARTED:
        raise JobFailed(exit_reason(outcome, ""))
    _enter(work, "Uploading")
    work.stage_out(plan.outputs)
    work.log.close()
    _publish(work, watch.series)
    _settle(work, outcome, watch.series)


def _enter(work: Work, secondary: str, **members: Any) -> None:
    """A secondary status; a job that is being stopped keeps Stopping until it uploads."""
    now = work.doors.clock.real()

    def change(record: Record) -> Record:
        if status_of(record) == "Stopping" and secondary != "Uploading":
            return record
        return replace(record, status={**record.status, **transition(record, secondary, now), **members})

    work.change(change)


def _settle(work: Work, outcome: Outcome, series: Series) -> None:
    status, secondary, reason = _verdict(work, outcome)
    now = work.doors.clock.real()
    metrics = final_metrics(series)

    def change(record: Record) -> Record:
        ended = {**_ending(record, secondary, now), **({"FinalMetricDataList": metrics} if metrics else {})}
        artifact = {"ModelArtifacts": {"S3ModelArtifacts": model_artifact(record)}} if status != "Failed" else {}
        failure = {"FailureReason": reason} if reason else {}
        return move(record, status, **ended, **artifact, **failure)

    work.end(change, series)


def _verdict(work: Work, outcome: Outcome) -> tuple[str, str, str]:
    """``(status, secondary status, failure reason)`` of a program that ran."""
    if outcome.cause is Cause.TIME_LIMIT:
        return "Stopped", "MaxRuntimeExceeded", ""
    if outcome.cause is Cause.STOPPED:
        return "Stopped", "Stopped", ""
    if outcome.code == 0:
        return "Completed", "Completed", ""
    return "Failed", "Failed", work.exit_reason(outcome, work.text_of("output/failure"))


def _ending(record: Record, secondary: str, now: float) -> Mapping[str, Any]:
    moved = transition(record, secondary, now)
    if moved:
        moved["SecondaryStatusTransitions"][-1]["EndTime"] = now
    start = record.status.get("TrainingStartTime")
    times = {}
    if start is not None:
        seconds = max(1, round(now - start))
        times = {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    return {"TrainingEndTime": now, **times, **moved}


def _publish(work: Work, series: Series) -> None:
    """The series to CloudWatch, and the points that smexperiments' tracker left as files into the series."""
    for file in sorted(result_files(work.root, METRICS_FOLDER)):
        if file.suffix != ".json":
            continue
        for line in file.read_text(errors="replace").splitlines():
            _add_tracked(series, line)
    dimensions = {"TrainingJobName": work.key.name}
    data = [Metric(name, moment, dimensions, value) for name, points in series.items() for moment, value in points]
    if data:
        work.doors.aws.put_metrics(work.key.account, work.key.region, METRICS_NAMESPACE, data)


def _add_tracked(series: Series, line: str) -> None:
    try:
        item = json.loads(line)
        name, moment, value = str(item["MetricName"]), float(item["Timestamp"]), float(item["Value"])
        if math.isfinite(moment) and math.isfinite(value):
            series.setdefault(name, []).append((moment, value))
    except (ValueError, KeyError, TypeError):  # a half-written line of a program that was killed
        return


TRAINING = JobKind("training-job", LOG_GROUP, _execute, _ending)
