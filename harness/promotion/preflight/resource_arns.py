"""What of SageMaker a call is about, as ARNs have it: by kind and, where the plan knows them, by name. Pure.

Which actions are about which kinds of resource is AWS's, as its Service Authorization Reference tells it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from harness.kernel.kinds import KINDS, kind_of
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.names import FRESH

Patterns = Mapping[str, tuple[str, ...]]
"""Kind -> names in ARNs, with a wildcard for what differs from run to run; no kind at all where names are not known."""

_READS = ("Describe", "List", "Get", "BatchGet", "BatchDescribe", "Invoke")
_VERB = re.compile(r"(?:Create|Delete|Describe|Start|Stop|Update)(\w+)")
_METRICS = ("TrainingJob", "TrialComponent")
_ENDPOINT = ("Endpoint", "EndpointConfig")
# Where that is not, or not only, the kind the call is named after.
_ABOUT = {
    "AssociateTrialComponent": ("Trial", "TrialComponent"),
    "BatchGetMetrics": _METRICS,
    "BatchPutMetrics": _METRICS,
    "CreateEndpoint": _ENDPOINT,
    "CreateInferenceComponent": ("Endpoint", "InferenceComponent"),
    "CreateModelPackage": ("ModelPackage", "ModelPackageGroup"),
    "CreateTrial": ("Experiment", "Trial"),
    "DisassociateTrialComponent": ("ProcessingJob", "Trial", "TrialComponent"),
    "InvokeEndpoint": ("Endpoint",),
    "InvokeEndpointAsync": ("Endpoint",),
    "InvokeEndpointWithResponseStream": ("Endpoint",),
    "UpdateEndpoint": _ENDPOINT,
    "UpdateEndpointWeightsAndCapacities": ("Endpoint",),
}
# For these AWS knows no resources: they are allowed for everything, or not at all.
_ACCOUNT_WIDE = ("List", "Search", "QueryLineage", "GetSearchSuggestions", "DescribeLineageGroup", "RenderUiTemplate")
_NOT_WIDE = frozenset(
    [
        "ListAliases",
        "ListHubContentVersions",
        "ListHubContents",
        "ListImageVersions",
        "ListModelCardExportJobs",
        "ListModelCardVersions",
        "ListPipelineExecutionSteps",
        "ListPipelineExecutions",
        "ListPipelineParametersForExecution",
        "ListPipelineVersions",
        "ListTags",
        "ListTrainingJobsForHyperParameterTuningJob",
    ]
)
# AWS, or the harness in its stead, names what comes of these: components of jobs, executions of a schedule.
_EXECUTIONS = "model-monitoring-*"


def patterns(plans: Iterable[RunPlan]) -> Patterns:
    """Of what the plans' runs created."""
    found: dict[str, set[str]] = {}
    for plan in plans:
        if not plan.calls:  # it will create what is not known
            return {}
        for kind, name in plan.names:
            fresh = FRESH.search(name)
            stem = f"{name[: fresh.start()]}*" if fresh else name
            # The ARNs of things are in small letters, whatever their names are in.
            found.setdefault(kind, set()).update((stem, stem.lower()))
            if kind_of(kind).source_type:
                component = stem if stem.endswith("*") else f"{stem}-aws-*"
                found.setdefault("TrialComponent", set()).add(component.lower())
            if kind == "MonitoringSchedule":
                found.setdefault("ProcessingJob", set()).add(_EXECUTIONS)
    return {kind: tuple(_widest(names)) for kind, names in found.items()}


def _widest(names: set[str]) -> Iterator[str]:
    """Without those that a wildcard of another covers: a policy has room for so much only."""
    for name in sorted(names):
        if not any(name != other and other.endswith("*") and name.startswith(other[:-1]) for other in names):
            yield name


def account_wide(operation: str) -> bool:
    return operation.startswith(_ACCOUNT_WIDE) and operation not in _NOT_WIDE


def reads(operation: str) -> bool:
    return operation.startswith(_READS)


def reached(operation: str, known: Patterns) -> list[str]:
    """The last parts of ARNs. Looking is allowed for every name: at what was there before, or is another's, as well."""
    named = _VERB.fullmatch(operation)
    kinds = _ABOUT.get(operation) or ((named[1],) if named else ())
    if not kinds or not set(kinds) <= set(KINDS):
        return ["*"]
    return [
        f"{KINDS[kind].type}/{name}"
        for kind in kinds
        for name in (("*",) if reads(operation) else known.get(kind) or ("*",))
    ]
