"""Ports of money: what the meter and the guard ask of a price table and of an estimate. Dollars, before tax."""

from __future__ import annotations

from typing import Protocol

from harness.promotion.plan import RunPlan


class Prices(Protocol):
    @property
    def dated(self) -> str:
        """The day the table is of, for people."""

    def hourly(self, instance_type: str, use: str) -> float | None:
        """Dollars for an hour of one machine; None when the table does not know it."""


class Estimator(Protocol):
    def estimate(self, plan: RunPlan) -> float:
        """Dollars of a whole run; ``GuardRefused`` when what the plan knows is not enough to say."""
