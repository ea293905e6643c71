"""Jobs of local mode in experiments: each leaves the trial component that SageMaker would have made for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from harness.engine.tracking.trial_component_content import inputs_of, outputs_of, parameters_of
from harness.kernel.kinds import KINDS, RUN_JOBS
from harness.kernel.records import Key, Record
from harness.localmode.context import LocalModeContext
from harness.localmode.jobs import LocalJob

Points = Mapping[str, Sequence[tuple[float, float]]]
MAX_METRICS = 10
"""The API's limit of one call."""


def record_component(around: LocalModeContext, job: LocalJob, points: Points | None = None) -> None:
    """Only for a job whose ExperimentConfig names a trial or a run: others would be lost among the emulator's own."""
    config = job.request.get("ExperimentConfig") or {}
    if not config.get("TrialName"):
        return
    client = around.client("sagemaker")
    name = f"{job.name}-aws-{KINDS[job.kind].type}"
    verb = job.kind.removesuffix("Job")
    client.create_trial_component(
        TrialComponentName=name,
        DisplayName=config.get("TrialComponentDisplayName", name),
        Status={"PrimaryStatus": job.told[job.status_member]},
        StartTime=job.told[f"{verb}StartTime"],
        EndTime=job.told[f"{verb}EndTime"],
        MetadataProperties={"GeneratedBy": job.arn},
        **_facts(around, job),
    )
    client.associate_trial_component(TrialComponentName=name, TrialName=config["TrialName"])
    _put(around.client("sagemaker-metrics"), name, points or {})
    around.provenance.note("Experiments", "", "runs, trial components of jobs, metrics, search")


def with_sources(answer: dict[str, Any]) -> dict[str, Any]:
    """``Source`` cannot be given to a component; those made here name their job as what generated them."""
    for component in [answer, *(result.get("TrialComponent", {}) for result in answer.get("Results", ()))]:
        generated = component.get("MetadataProperties", {}).get("GeneratedBy", "")
        kind = next((kind.noun for kind in RUN_JOBS if f":{kind.type}/" in generated), "")
        if kind:
            component.setdefault("Source", {"SourceArn": generated, "SourceType": f"SageMaker{kind}"})
    return answer


def _facts(around: LocalModeContext, job: LocalJob) -> dict[str, Any]:
    """The same entries as of a job that the emulator ran."""
    key = Key(KINDS[job.kind].type, around.account, around.region, job.name)
    record = Record(key, job.arn, {"HyperParameters": {}, **job.request}, job.told)
    model: Mapping[str, Any] = {}
    return {
        "Parameters": parameters_of(record, model),
        "InputArtifacts": inputs_of(record),
        "OutputArtifacts": outputs_of(record),
    }


def _put(metrics: Any, component: str, points: Points) -> None:
    data = [
        {
            "MetricName": name,
            "Timestamp": datetime.fromtimestamp(moment, tz=timezone.utc),
            "Step": step,
            "Value": value,
        }
        for name, found in points.items()
        for step, (moment, value) in enumerate(found)
    ]
    for start in range(0, len(data), MAX_METRICS):
        metrics.batch_put_metrics(TrialComponentName=component, MetricData=data[start : start + MAX_METRICS])
