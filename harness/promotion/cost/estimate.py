"""What a run costs on AWS, by step: durations measured before, what AWS adds to them, and the price of the machines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.kernel.errors import GuardRefused, StateError
from harness.kernel.kinds import TRAINING, kind_of
from harness.promotion.cost.prices import PriceTable
from harness.promotion.destination import SCHEDULE, Destination
from harness.promotion.plan import Planned, RunPlan

UNKNOWN, HOUR = 600.0, 3600.0
"""Seconds of a job whose time was not measured."""
HOURLY_SCHEDULE = HOUR + 1800.0
"""AWS runs a schedule at the full hour, up to 20 minutes late, and the analyzer takes its time."""


@dataclass(frozen=True)
class Cost:
    """``seconds`` of all its machines' common time; ``dollars`` is None where the table does not know the machine."""

    step: str | None
    kind: str
    instance_type: str
    count: int
    seconds: float
    dollars: float | None


@dataclass(frozen=True)
class DurationEstimate:
    """``scheduled``: whether monitoring waits for AWS's own hour, during which endpoints stand.

    ``option`` is the one of the command line that gives the budget.
    """

    prices: PriceTable
    scheduled: bool = False
    option: str = "--budget"

    def hold_against(self, budget: float, plans: Sequence[RunPlan]) -> float:
        """Dollars of all of them; ``GuardRefused`` where they are above the budget, or not known."""
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
                f"nothing is known of what it costs: {plan.scenario} was never run to its end here. Run it once with "
                f"`{plan.rehearsal}`, or leave out {self.option}"
            )
        costs = self.costs(plan)
        if unknown := unpriced(costs):
            raise GuardRefused(
                f"the price table of {self.prices.dated} does not know {', '.join(unknown)}, so {self.option} cannot "
                f"be kept",
                f"{remedy(unknown[0])}, or leave out {self.option}",
            )
        return total(costs)

    def costs(self, plan: RunPlan) -> list[Cost]:
        return [cost for planned in plan.resources for cost in self._of(plan, planned)]

    def _of(self, plan: RunPlan, planned: Planned) -> Iterator[Cost]:
        seconds = UNKNOWN * planned.runs if planned.seconds is None else planned.seconds
        if not plan.on_aws:  # else what AWS adds is in them
            seconds += self._standing(plan, planned) if planned.kind == "Endpoint" else self._allowance(planned)
        for machines in planned.machines:
            price = self.prices.hourly(machines.instance_type, kind_of(planned.kind).use or TRAINING)
            dollars = None if price is None else price * machines.count * seconds / HOUR
            yield Cost(planned.step, planned.kind, machines.instance_type, machines.count, seconds, dollars)

    def _allowance(self, planned: Planned) -> float:
        return self.prices.startup.get(planned.kind, 0.0) * planned.runs

    def _standing(self, plan: RunPlan, endpoint: Planned) -> float:
        """An endpoint stands, and costs, while AWS starts what comes after it: side by side in a step, else in turn."""
        by_step: dict[str | None, float] = {endpoint.step: self._allowance(endpoint)}
        for other in plan.resources:
            if other.at >= endpoint.at and other.machines:
                wait = self._allowance(other)
                if other.kind == "MonitoringSchedule" and self.scheduled:
                    wait = HOURLY_SCHEDULE * other.runs
                by_step[other.step] = max(by_step.get(other.step, 0.0), wait)
        return sum(by_step.values())


def estimator(prices: PriceTable, destination: Destination | None, option: str = "--budget") -> DurationEstimate:
    return DurationEstimate(prices, destination is not None and destination.monitoring == SCHEDULE, option)


def total(costs: list[Cost]) -> float:
    return sum(cost.dollars or 0.0 for cost in costs)


def unpriced(costs: list[Cost]) -> list[str]:
    return list(dict.fromkeys(cost.instance_type for cost in costs if cost.dollars is None))


def require_priced(costs: list[Cost], prices: PriceTable) -> None:
    if unknown := unpriced(costs):
        raise StateError(
            f"the price table of {prices.dated} does not know {', '.join(unknown)} for what it does here",
            f"{remedy(unknown[0])}",
        )


def remedy(instance_type: str) -> str:
    return (
        "choose another instance type in the profile, ask AWS with `harness estimate --refresh`, or name it in a price "
        f'file of your own (prices = "FILE" in the profile; [hourly] "{instance_type}" = dollars)'
    )
