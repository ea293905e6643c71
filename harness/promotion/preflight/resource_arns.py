"""The SageMaker resources that a call acts on, as parts of ARNs: by kind and, if the plan has them, by name.

Which actions act on which kinds of resources follows AWS's Service Authorization Reference for SageMaker.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from harness.kernel.kinds import KINDS, kind_of
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.names import FRESH

Patterns = Mapping[str, tuple[str, ...]]
"""Kind -> names in ARNs, with a wildcard for the part that differs between runs; empty if names are not known."""

_READS = ("Describe", "List", "Get", "BatchGet", "BatchDescribe", "Invoke")
_VERB = re.compile(r"(?:Create|Delete|Describe|Start|Stop|Update)(\w+)")
_METRICS = ("TrainingJob", "TrialComponent")
_ENDPOINT = ("Endpoint", "EndpointConfig")
# Operations that act on other kinds, or on more kinds, than the one in their name.
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
# Operations without resource-level permissions: they are allowed for all resources or not at all.
_ACCOUNT_WIDE = ("List", "Search", "QueryLineage", "GetSearchSuggestions", "DescribeLineageGroup", "RenderUiTemplate")
_RESOURCE_LEVEL = frozenset(
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
# Names of a schedule's executions, which AWS (or harness in its stead) makes up.
_EXECUTIONS = "model-monitoring-*"


def patterns(plans: Iterable[RunPlan]) -> Patterns:
    """Return name patterns of the resources that the plans' runs created."""
    names_by_kind: dict[str, set[str]] = {}
    for plan in plans:
        if not plan.calls:  # the names that it will create are not known
            return {}
        for kind, name in plan.names:
            fresh = FRESH.search(name)
            stem = f"{name[: fresh.start()]}*" if fresh else name
            # ARNs are in lower case, even for names with upper-case letters.
            names_by_kind.setdefault(kind, set()).update((stem, stem.lower()))
            if kind_of(kind).source_type:
                component = stem if stem.endswith("*") else f"{stem}-aws-*"
                names_by_kind.setdefault("TrialComponent", set()).add(component.lower())
            if kind == "MonitoringSchedule":
                names_by_kind.setdefault("ProcessingJob", set()).add(_EXECUTIONS)
    return {kind: tuple(_widest(names)) for kind, names in names_by_kind.items()}


def _widest(names: set[str]) -> Iterator[str]:
    """Yield the names that no other name's wildcard covers, because the size of a policy is limited."""
    for name in sorted(names):
        if not any(name != other and other.endswith("*") and name.startswith(other[:-1]) for other in names):
            yield name


def is_account_wide(operation: str) -> bool:
    return operation.startswith(_ACCOUNT_WIDE) and operation not in _RESOURCE_LEVEL


def is_read(operation: str) -> bool:
    return operation.startswith(_READS)


def arn_suffixes(operation: str, known: Patterns) -> list[str]:
    """Return the last parts of the ARNs that an operation acts on. Read operations are allowed for every name."""
    named = _VERB.fullmatch(operation)
    kinds = _ABOUT.get(operation) or ((named[1],) if named else ())
    if not kinds or not set(kinds) <= set(KINDS):
        return ["*"]
    return [
        f"{KINDS[kind].type}/{name}"
        for kind in kinds
        for name in (("*",) if is_read(operation) else known.get(kind) or ("*",))
    ]
