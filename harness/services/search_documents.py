"""Records as Search shows them: which kind of record each Resource stands for, and what their documents hold."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

from harness.kernel.arns import parse_arn
from harness.kernel.kinds import BY_TYPE, KINDS, RUN_JOBS, ResourceKind
from harness.kernel.records import Key, Record
from harness.services.scope import Scope
from harness.services.tracking import COMPONENTS, TRIALS

RESOURCES: Mapping[str, ResourceKind] = {
    **{
        noun: KINDS[noun]
        for noun in (
            *("TrainingJob", "HyperParameterTuningJob", "Experiment", "Endpoint", "Model", "ModelPackage"),
            *("ModelPackageGroup", "Pipeline", "FeatureGroup"),
        )
    },
    "ExperimentTrial": KINDS["Trial"],
    "ExperimentTrialComponent": KINDS["TrialComponent"],
}
"""The kinds that Search looks through, by the name that its request has for them."""

_COSTLY = ("SourceDetail", "TrialComponentSummaries")
"""Members that take a look at other records: made for the page shown, and for a search that asks for them."""


class Documents:
    """Makes the documents of one search; what several of them need is read once."""

    def __init__(self, scope: Scope, resource: ResourceKind) -> None:
        self._scope = scope
        self._resource = resource
        self._extend: Callable[[Record, dict[str, Any]], None] = {
            "Trial": self._as_trial,
            "TrialComponent": self._as_component,
        }.get(resource.noun, self._as_it_is)

    def document(self, record: Record) -> dict[str, Any]:
        document = _described(record, self._resource.noun)
        self._extend(record, document)
        return {"Model": document} if self._resource.noun == "Model" else document

    def complete(self, record: Record) -> dict[str, Any]:
        """The document with the members that cost something, as a result shows it."""
        document = self.document(record)
        if record.kind == COMPONENTS.kind:
            document.update(self._source_detail(record))
        if record.kind == TRIALS.kind:
            document["TrialComponentSummaries"] = self._members.get(record.name, [])
        return document

    @staticmethod
    def is_costly(name: str) -> bool:
        return name.lower().startswith(tuple(member.lower() for member in _COSTLY))

    def _as_it_is(self, record: Record, document: dict[str, Any]) -> None:
        if (
            record.kind == "training-job"
        ):  # Filter "Metrics.<name>" is documented for jobs, whose member has another name
            document["Metrics"] = document.get("FinalMetricDataList", [])

    def _as_trial(self, record: Record, document: dict[str, Any]) -> None:
        document.setdefault("DisplayName", document["TrialName"])

    def _as_component(self, record: Record, document: dict[str, Any]) -> None:
        document.setdefault("DisplayName", document["TrialComponentName"])
        for member in ("Parameters", "InputArtifacts", "OutputArtifacts"):
            document.setdefault(member, {})
        document.setdefault("Metrics", [])
        parents = [self._parents[trial] for trial in record.inner.get("trials", []) if trial in self._parents]
        document["Parents"] = parents

    @cached_property
    def _parents(self) -> Mapping[str, dict[str, str]]:
        return {
            trial.name: {"TrialName": trial.spec["TrialName"], "ExperimentName": trial.spec["ExperimentName"]}
            for trial in TRIALS.scan(self._scope)
        }

    @cached_property
    def _members(self) -> Mapping[str, list[dict[str, Any]]]:
        members: dict[str, list[dict[str, Any]]] = {}
        for component in COMPONENTS.scan(self._scope):
            source = component.status.get("Source")
            summary = {
                "TrialComponentName": component.spec["TrialComponentName"],
                "TrialComponentArn": component.arn,
                "CreationTime": component.created,
                "CreatedBy": {},
                **({"TrialComponentSource": source} if source else {}),
            }
            for trial in component.inner.get("trials", []):
                members.setdefault(trial, []).append(summary)
        return members

    def _source_detail(self, record: Record) -> dict[str, Any]:
        arn = record.status.get("Source", {}).get("SourceArn")
        if not arn:
            return {}
        detail: dict[str, Any] = {"SourceArn": arn}
        job = self._job_of(record, arn)
        if job is not None:
            member = BY_TYPE[job.kind].noun
            detail[member] = _described(job, member)
        return {"SourceDetail": detail}

    def _job_of(self, component: Record, arn: str) -> Record | None:
        """The job of a component. The component's name holds the job's; older ARNs have that in lower case."""
        kind, account, region, _ = parse_arn(arn)
        name = component.spec["TrialComponentName"].removesuffix(f"-aws-{kind}")
        runs = kind in {job.type for job in RUN_JOBS}
        return self._scope.records.find(Key(kind, account, region, name)) if runs else None


def _described(record: Record, noun: str) -> dict[str, Any]:
    return {
        **record.describe(),
        f"{noun}Arn": record.arn,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified or record.created,
        "Tags": record.spec.get("Tags", []),
    }
