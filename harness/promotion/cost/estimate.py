"""Cost estimates of runs on AWS: measured durations, plus AWS's start-up times, times the prices of the machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.kernel.errors import GuardRefused, StateError
from harness.kernel.kinds import TRAINING, kind_of
from harness.promotion.cost.prices import PriceTable
from harness.promotion.destination import SCHEDULE, Destination
from harness.promotion.plan import PlannedResource, RunPlan

UNKNOWN, HOUR = 600.0, 3600.0
"""The assumed duration, in seconds, of a job that was not measured; the seconds of an hour."""
HOURLY_SCHEDULE = HOUR + 1800.0
"""Seconds that an hourly schedule takes: AWS starts it up to 20 minutes after the full hour, then the analyzer runs."""


@dataclass(frozen=True)
class Cost:
    """Cost of a resource on one instance type. ``dollars`` is None if the price table does not have the type."""

    step: str | None
    kind: str
    instance_type: str
    count: int
    seconds: float
    dollars: float | None


@dataclass(frozen=True)
class DurationEstimate:
    """Estimate from measured durations.

    ``scheduled`` is true if monitoring waits for AWS's hourly schedule, while endpoints keep running. ``option`` is the
    command-line option of the budget, for messages.
    """

    prices: PriceTable
    scheduled: bool = False
    option: str = "--budget"

    def check_budget(self, budget: float, plans: Sequence[RunPlan]) -> float:
        """Return the cost of all plans. Raise ``GuardRefused`` if it is above the budget or not known."""
        dollars = sum(self.estimate(plan) for plan in plans)
        if dollars > budget:
            raise GuardRefused(
                f"the estimate of ${dollars:.2f} is above the budget of ${budget:.2f}",
                f"raise {self.option} or choose smaller instance_types in the profile",
            )
        return dollars

    def estimate(self, plan: RunPlan) -> float:
        if plan.learned_from is None:
            raise GuardRefused(
                f"the cost of {plan.scenario} is not known: it has not passed here yet. Run it once with "
                f"`{plan.rehearsal}`, or leave out {self.option}"
            )
        costs = self.costs(plan)
        if unknown := find_unpriced(costs):
            raise GuardRefused(
                f"the price table of {self.prices.dated} has no price for {', '.join(unknown)}, so {self.option} "
                "cannot be checked",
                f"{remedy(unknown[0])}, or leave out {self.option}",
            )
        return total(costs)

    def costs(self, plan: RunPlan) -> list[Cost]:
        return [cost for planned in plan.resources for cost in self._resource_costs(plan, planned)]

    def _resource_costs(self, plan: RunPlan, planned: PlannedResource) -> Iterator[Cost]:
        seconds = UNKNOWN * planned.runs if planned.seconds is None else planned.seconds
        if not plan.on_aws:  # durations measured on AWS contain the start-up times already
            seconds += (
                self._endpoint_seconds(plan, planned) if planned.kind == "Endpoint" else self._startup_seconds(planned)
            )
        for machines in planned.machines:
            price = self.prices.hourly(machines.instance_type, kind_of(planned.kind).use or TRAINING)
            dollars = None if price is None else price * machines.count * seconds / HOUR
            yield Cost(planned.step, planned.kind, machines.instance_type, machines.count, seconds, dollars)

    def _startup_seconds(self, planned: PlannedResource) -> float:
        return self.prices.startup.get(planned.kind, 0.0) * planned.runs

    def _endpoint_seconds(self, plan: RunPlan, endpoint: PlannedResource) -> float:
        """Return the seconds an endpoint costs while later resources start.

        Resources of one step start side by side, so the longest start-up counts; steps follow one another.
        """
        by_step: dict[str | None, float] = {endpoint.step: self._startup_seconds(endpoint)}
        for other in plan.resources:
            if other.at >= endpoint.at and other.machines:
                wait = self._startup_seconds(other)
                if other.kind == "MonitoringSchedule" and self.scheduled:
                    wait = HOURLY_SCHEDULE * other.runs
                by_step[other.step] = max(by_step.get(other.step, 0.0), wait)
        return sum(by_step.values())


def estimator(prices: PriceTable, destination: Destination | None, option: str = "--budget") -> DurationEstimate:
    return DurationEstimate(prices, destination is not None and destination.monitoring == SCHEDULE, option)


def total(costs: list[Cost]) -> float:
    return sum(cost.dollars or 0.0 for cost in costs)


def find_unpriced(costs: list[Cost]) -> list[str]:
    return list(dict.fromkeys(cost.instance_type for cost in costs if cost.dollars is None))


def require_priced(costs: list[Cost], prices: PriceTable) -> None:
    if unknown := find_unpriced(costs):
        raise StateError(
            f"the price table of {prices.dated} has no price for {', '.join(unknown)} in this use",
            remedy(unknown[0]),
        )


def remedy(instance_type: str) -> str:
    return (
        "choose another instance type in the profile, ask AWS with `harness estimate --refresh`, or name it in a price "
        f'file of your own (prices = "FILE" in the profile; [hourly] "{instance_type}" = dollars)'
    )
