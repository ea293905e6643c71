"""Protocols of price tables and cost estimates. All amounts are in dollars before tax."""

from __future__ import annotations

from typing import Protocol

from harness.promotion.plan import RunPlan


class Prices(Protocol):
    """A price table."""

    @property
    def dated(self) -> str:
        """The date of the table, for display."""

    def hourly(self, instance_type: str, use: str) -> float | None:
        """Return the price of one machine for an hour, or None if the table does not have it."""


class Estimator(Protocol):
    """An estimate of what runs cost."""

    def estimate(self, plan: RunPlan) -> float:
        """Return the cost of a whole run. Raise ``GuardRefused`` if the plan does not contain enough to tell."""
