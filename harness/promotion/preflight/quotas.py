"""Preflight check of Service Quotas: whether the machines that a run uses at once are allowed, by type and use."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from harness.aws_run.request_defaults import DEFAULT
from harness.kernel.kinds import HOSTING, PROCESSING, TRAINING, TRANSFORM, kind_of
from harness.promotion.account import Account
from harness.promotion.destination import Destination
from harness.promotion.plan import PlannedResource, RunPlan
from harness.promotion.preflight.findings import FAILURE, OK, UNCHECKED, WARNING, Finding

_NAMES = {
    TRAINING: "{} for training job usage",
    PROCESSING: "{} for processing job usage",
    TRANSFORM: "{} for transform job usage",
    HOSTING: "{} for endpoint usage",
}
_SPOT = "{} for spot training job usage"


def check_quotas(account: Account, plans: Iterable[RunPlan], destination: Destination) -> Iterator[Finding]:
    needed: dict[str, tuple[int, int]] = {}
    for plan in plans:  # scenarios run one after the other
        for name, (at_once, in_step) in peaks(plan.resources, destination).items():
            most = needed.get(name, (0, 0))
            needed[name] = max(most[0], at_once), max(most[1], in_step)
    if needed:
        quotas = _fetch_quotas(account, set(needed))
        for name, (at_once, in_step) in sorted(needed.items()):
            yield _compare(name, at_once, in_step, quotas, account.region)


def peaks(resources: Iterable[PlannedResource], destination: Destination) -> dict[str, tuple[int, int]]:
    """Return for each quota the most machines at one moment of the last run, and the most that one step requested."""
    spans: dict[str, list[tuple[float, float, int]]] = {}
    steps: dict[str, dict[str | None, int]] = {}
    for planned in resources:
        if not kind_of(planned.kind).use:
            continue
        for machines in planned.machines:
            name = quota_name(planned, machines.instance_type, destination)
            spans.setdefault(name, []).append((planned.at, planned.at + (planned.seconds or 0.0), machines.count))
            by_step = steps.setdefault(name, {})
            by_step[planned.step] = by_step.get(planned.step, 0) + machines.count
    return {name: (_highest_sum(spans[name]), max(steps[name].values())) for name in spans}


def quota_name(planned: PlannedResource, instance_type: str, destination: Destination) -> str:
    use = kind_of(planned.kind).use
    spot = use == TRAINING and {DEFAULT, planned.step, planned.kind} & set(destination.spot)
    return (_SPOT if spot else _NAMES[use]).format(instance_type)


def _highest_sum(spans: list[tuple[float, float, int]]) -> int:
    return max(
        sum(count for begin, end, count in spans if begin <= moment and (moment < end or begin == moment))
        for moment, _, _ in spans
    )


def _fetch_quotas(account: Account, names: set[str]) -> Mapping[str, float]:
    """Return the quotas with these names. SageMaker has thousands of them, so paging stops with the last one needed."""
    values: dict[str, float] = {}
    pages = account.client("service-quotas").get_paginator("list_service_quotas").paginate(ServiceCode="sagemaker")
    for page in pages:
        values.update((each["QuotaName"], each["Value"]) for each in page["Quotas"] if each["QuotaName"] in names)
        if names <= set(values):
            break
    return values


def _compare(name: str, at_once: int, in_step: int, quotas: Mapping[str, float], region: str) -> Finding:
    ask = f"ask for more of {name!r} in Service Quotas (Amazon SageMaker, {region}), or choose another instance type"
    if name not in quotas:
        return Finding(
            "quota",
            UNCHECKED,
            f"Service Quotas has no quota {name!r}",
            f"check whether {region} offers the instance type for this use",
        )
    allowed = int(quotas[name])
    if allowed < at_once:
        return Finding("quota", FAILURE, f"{name}: {allowed} allowed, {at_once} needed at once", ask)
    if allowed < in_step:
        message = f"{name}: {allowed} allowed, and one step requests {in_step}; all at once would be refused"
        return Finding("quota", WARNING, message, ask)
    return Finding("quota", OK, f"{name}: {allowed} allowed, {at_once} needed at once")
