"""Automatic trial components: what SageMaker records of every job, whether or not it belongs to an experiment.

``job_component`` when the job is created, ``settle_component`` when it has ended. Names of experiments, trials and
components are not case-sensitive: a record's key is the name in lower case, its spec keeps the name as written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from harness.engine.tracking.component_metrics import MetricPoint, delete_points, put_metrics, put_points
from harness.engine.tracking.trial_component_content import inputs_of, outputs_of, parameters_of, status_message
from harness.kernel.arns import arn
from harness.kernel.clock import Clock
from harness.kernel.kinds import BY_TYPE
from harness.kernel.records import Key, Record
from harness.stores.records import RecordExists, RecordMissing, RecordStore

__all__ = [
    "COMPONENT",
    "EXPERIMENT",
    "TRIAL",
    "component_key",
    "job_component",
    "put_metrics",
    "run_key",
    "settle_component",
]

EXPERIMENT = "experiment"
TRIAL = "experiment-trial"
COMPONENT = "experiment-trial-component"


def component_key(job: Key) -> Key:
    """The component of a job: ``<job>-aws-training-job`` and its like."""
    return Key(COMPONENT, job.account, job.region, f"{job.name}-aws-{job.kind}".lower())


def run_key(records: RecordStore, job: Record) -> Key | None:
    """The component of the run named in the job's ExperimentConfig, if there is one.

    The SDK names the run by its whole component name, ``<experiment>-<run>``; a person may give the run alone.
    """
    config = job.spec.get("ExperimentConfig", {})
    run = config.get("RunName", "")
    for name in (run, f"{config.get('ExperimentName', '')}-{run}") if run else ():
        key = Key(COMPONENT, job.key.account, job.key.region, name.lower())
        if records.find(key):
            return key
    return None


def job_component(records: RecordStore, clock: Clock, job: Record) -> bool:
    """Record the job that was just created as a component, in the trial and the run its ExperimentConfig names.

    True when there is a component of an earlier job of that name, since deleted: the new one takes it over.
    """
    config: Mapping[str, str] = job.spec.get("ExperimentConfig", {})
    name = f"{job.name}-aws-{job.kind}"
    source = {"SourceArn": job.arn, "SourceType": BY_TYPE[job.kind].source_type}
    component = Record(
        key=component_key(job.key),
        arn=arn(COMPONENT, job.key.account, job.key.region, name),
        spec={
            "TrialComponentName": name,
            "DisplayName": config.get("TrialComponentDisplayName", name),
            "Status": {"PrimaryStatus": "InProgress"},
            "Parameters": parameters_of(job, _model_of(records, job)),
            "InputArtifacts": inputs_of(job),
            "OutputArtifacts": {},
        },
        status={"Source": source, **({"RunName": config["RunName"]} if "RunName" in config else {})},
        inner={"trials": _trials(records, clock, job)},
        created=clock.real(),
        modified=clock.real(),
    )
    again = False
    try:
        records.add(component)
    except RecordExists as taken:  # made by someone, or of an earlier job
        again = "settled" in taken.existing.inner
        if again:
            delete_points(records, taken.existing)
        records.change(component.key, lambda current: _take_over(current, component))
    run = run_key(records, job)
    if run is not None:
        records.change(run, lambda current: _with_source(current, source))
    return again


def settle_component(records: RecordStore, job: Record, points: Sequence[MetricPoint]) -> None:
    """Carry the end of the job over to its component: status, times, outputs, metrics. Once: a second call is nothing.

    What a tracker in the job wrote into the component stays; SageMaker's own entries lie over it.
    """
    key = component_key(job.key)
    current = records.find(key)
    if current is None or current.inner.get("settled") == job.arn:
        return
    try:
        put_points(records, key, points)
        records.change(key, lambda record: _settle(record, job))
    except RecordMissing:  # deleted while the job ran
        return


def _settle(record: Record, job: Record) -> Record:
    start, end = BY_TYPE[job.kind].times
    ended = job.status.get(end, job.modified)
    spec = {
        **record.spec,
        "Status": {"PrimaryStatus": job.state, "Message": status_message(job)},
        "StartTime": job.status.get(start, job.created),
        "EndTime": ended,
        "OutputArtifacts": {**record.spec.get("OutputArtifacts", {}), **outputs_of(job)},
    }
    return replace(record, spec=spec, inner={**record.inner, "settled": job.arn})


def _trials(records: RecordStore, clock: Clock, job: Record) -> list[str]:
    """The trial named; a trial of the job's own when only an experiment is named; none otherwise."""
    config = job.spec.get("ExperimentConfig", {})
    if "TrialName" in config:
        return [config["TrialName"].lower()]
    if "ExperimentName" not in config:
        return []
    name = f"{job.name}-aws-trial"
    key = Key(TRIAL, job.key.account, job.key.region, name.lower())
    spec = {"TrialName": name, "ExperimentName": config["ExperimentName"]}
    trial_arn = arn(TRIAL, key.account, key.region, name)
    try:
        records.add(Record(key, trial_arn, spec, created=clock.real(), modified=clock.real()))
    except RecordExists:  # of an earlier job of the same name
        return [key.name]
    return [key.name]


def _take_over(current: Record, component: Record) -> Record:
    """Return the component as a new job has it: trials and users' members stay, those of an earlier job go."""
    trials = list(dict.fromkeys([*current.inner.get("trials", []), *component.inner["trials"]]))
    if "settled" in current.inner:
        return replace(component, inner={"trials": trials})
    inner = {**current.inner, "trials": trials}
    return replace(
        current, spec={**current.spec, **component.spec}, status={**current.status, **component.status}, inner=inner
    )


def _with_source(run: Record, source: Mapping[str, str]) -> Record:
    sources = [item for item in run.status.get("Sources", []) if item["SourceArn"] != source["SourceArn"]]
    return replace(run, status={**run.status, "Sources": [*sources, dict(source)]})


def _model_of(records: RecordStore, job: Record) -> Mapping[str, Any]:
    if job.kind != "transform-job":
        return {}
    model = records.find(Key("model", job.key.account, job.key.region, job.spec["ModelName"]))
    return model.spec if model else {}
