"""What a planned run will cost: its durations the last time, a start-up allowance, and the price of its machines."""

from __future__ import annotations

from dataclasses import dataclass

from harness.kernel.errors import GuardRefused
from harness.promotion.budget import TRAINING, USES, Prices
from harness.promotion.plan import Plan, Planned

START_SECONDS = {"Endpoint": 360.0}
"""Billed before the work begins: AWS pulls images and starts servers at the user's cost."""
START, UNKNOWN, HOUR = 120.0, 600.0, 3600.0


@dataclass(frozen=True)
class DurationEstimate:
    prices: Prices

    def estimate(self, plan: Plan) -> float:
        if plan.learned_from is None:
            raise GuardRefused(
                f"nothing is known of what {plan.scenario} costs: it was never run to its end here. Run it once with "
                f"`harness run {plan.scenario}`, or leave out --budget"
            )
        return sum(self.dollars(planned) for planned in plan.resources)

    def dollars(self, planned: Planned) -> float:
        seconds = START_SECONDS.get(planned.kind, START) + (UNKNOWN if planned.seconds is None else planned.seconds)
        total = 0.0
        for machines in planned.machines:
            price = self.prices.hourly(machines.instance_type, USES.get(planned.kind, TRAINING))
            if price is None:
                raise GuardRefused(
                    f"the price table of {self.prices.dated} does not know {machines.instance_type}, so --budget "
                    "cannot be kept; choose another instance type in the profile, or leave out --budget"
                )
            total += price * machines.count * seconds / HOUR
        return total
