"""The training jobs in the record of a tuning job: members of Describe, and the list behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.contract.tuning import TuningDefinition, definitions_of
from harness.engine.lifecycle import is_unfinished
from harness.kernel.kinds import KINDS
from harness.kernel.records import Key, Record
from harness.stores.records import RecordStore

KIND = KINDS["HyperParameterTuningJob"].type
TRAINING_KIND = KINDS["TrainingJob"].type
JOBS = "jobs"
"""The inner member with the training jobs, in the order of their starts: name, definition and tuned values."""


def jobs_of(record: Record) -> list[dict[str, Any]]:
    return list(record.inner.get(JOBS, []))


def with_job(record: Record, name: str, definition: str, tuned: Mapping[str, str]) -> Record:
    job = {"name": name, "definition": definition, "tuned": dict(tuned)}
    return replace(record, inner={**record.inner, JOBS: [*jobs_of(record), job]})


def training_key(record: Record, name: str) -> Key:
    return record.key._replace(kind=TRAINING_KIND, name=name)


def definition_named(record: Record, name: str) -> TuningDefinition:
    return next(each for each in definitions_of(record.spec) if each.name == name)


def objective_of(training: Record, metric: str) -> float | None:
    """Return the final value of the objective metric; None if the job has not reported it."""
    metrics = training.status.get("FinalMetricDataList", [])
    return next((each["Value"] for each in metrics if each["MetricName"] == metric), None)


def summaries(records: RecordStore, record: Record) -> list[dict[str, Any]]:
    """Return ``HyperParameterTrainingJobSummary`` of each training job, in the order of their starts."""
    found = []
    for job in jobs_of(record):
        training = records.find(training_key(record, job["name"]))
        if training is not None:
            found.append(_summary(record, job, training))
    return found


def _summary(record: Record, job: Mapping[str, Any], training: Record) -> dict[str, Any]:
    definition = definition_named(record, job["definition"])
    value = objective_of(training, definition.metric)
    unfinished = is_unfinished(training)
    status = "Pending" if unfinished else "Succeeded" if value is not None else "Failed"
    times = ("TrainingStartTime", "TrainingEndTime", "FailureReason")
    return {
        **({"TrainingJobDefinitionName": job["definition"]} if job["definition"] else {}),
        "TrainingJobName": training.name,
        "TrainingJobArn": training.arn,
        "CreationTime": training.created,
        **{member: training.status[member] for member in times if member in training.status},
        "TrainingJobStatus": training.state,
        "TunedHyperParameters": job["tuned"],
        **(
            {"FinalHyperParameterTuningJobObjectiveMetric": {"MetricName": definition.metric, "Value": value}}
            if value is not None
            else {}
        ),
        "ObjectiveStatus": status,
    }


def counters(trainings: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the members with the counters of Describe and List."""
    states = [each["TrainingJobStatus"] for each in trainings]
    objectives = [each["ObjectiveStatus"] for each in trainings]
    return {
        "TrainingJobStatusCounters": {
            "Completed": states.count("Completed"),
            "InProgress": states.count("InProgress") + states.count("Stopping"),
            "RetryableError": 0,
            "NonRetryableError": states.count("Failed"),
            "Stopped": states.count("Stopped"),
        },
        "ObjectiveStatusCounters": {word: objectives.count(word) for word in ("Succeeded", "Pending", "Failed")},
    }


def best_of(record: Record, trainings: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return the summary of the best training job; None if none has reported the objective."""
    scored = [each for each in trainings if each["ObjectiveStatus"] == "Succeeded"]
    if not scored:
        return None
    maximize = definitions_of(record.spec)[0].maximize

    def value(summary: Mapping[str, Any]) -> float:
        return float(summary["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])

    best = (max if maximize else min)(scored, key=value)
    metric = best["FinalHyperParameterTuningJobObjectiveMetric"]
    kind = "Maximize" if maximize else "Minimize"
    return {**best, "FinalHyperParameterTuningJobObjectiveMetric": {"Type": kind, **metric}}
