"""Makes the documents of Search from records: the record kind of each Resource, and the members of its documents."""

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
"""The kinds that can be searched, by the name in the request's Resource member."""

_COSTLY = ("SourceDetail", "TrialComponentSummaries")
"""Members that need other records. They are added only to results, and when a search refers to them."""


class Documents:
    """Makes the documents of one search. Records that several documents need are read once."""

    def __init__(self, scope: Scope, resource: ResourceKind) -> None:
        self._scope = scope
        self._resource = resource
        self._extend: Callable[[Record, dict[str, Any]], None] = {
            "Trial": self._extend_trial,
            "TrialComponent": self._extend_component,
        }.get(resource.noun, self._extend_other)

    def document(self, record: Record) -> dict[str, Any]:
        document = _describe(record, self._resource.noun)
        self._extend(record, document)
        return {"Model": document} if self._resource.noun == "Model" else document

    def complete(self, record: Record) -> dict[str, Any]:
        """Return the full document of a result, including the members that need other records."""
        document = self.document(record)
        if record.kind == COMPONENTS.kind:
            document.update(self._source_detail(record))
        if record.kind == TRIALS.kind:
            document["TrialComponentSummaries"] = self._members.get(record.name, [])
        return document

    @staticmethod
    def is_costly(name: str) -> bool:
        return name.lower().startswith(tuple(member.lower() for member in _COSTLY))

    def _extend_other(self, record: Record, document: dict[str, Any]) -> None:
        # Filter in the API reference documents "Metrics.<name>" for jobs, whose own member has another name.
        if record.kind == "training-job":
            document["Metrics"] = document.get("FinalMetricDataList", [])

    def _extend_trial(self, record: Record, document: dict[str, Any]) -> None:
        document.setdefault("DisplayName", document["TrialName"])

    def _extend_component(self, record: Record, document: dict[str, Any]) -> None:
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
            detail[member] = _describe(job, member)
        return {"SourceDetail": detail}

    def _job_of(self, component: Record, arn: str) -> Record | None:
        """Return the job of a trial component. The component's name contains the job's name in its original case."""
        kind, account, region, _ = parse_arn(arn)
        name = component.spec["TrialComponentName"].removesuffix(f"-aws-{kind}")
        runs = kind in {job.type for job in RUN_JOBS}
        return self._scope.records.find(Key(kind, account, region, name)) if runs else None


def _describe(record: Record, noun: str) -> dict[str, Any]:
    return {
        **record.describe(),
        f"{noun}Arn": record.arn,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified or record.created,
        "Tags": record.spec.get("Tags", []),
    }
