"""Chooses the variant and the instance that answer an invocation. Pure: the random number is an argument."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol, TypeVar


class Busy(Protocol):
    outstanding: int
    """Requests it has not answered yet."""


T = TypeVar("T", bound=Busy)


def choose_variant(weights: Mapping[str, float], draw: float) -> str | None:
    """A variant by its share of the weights; ``draw`` is uniform in [0, 1). None when all weights are 0."""
    total = sum(weights.values())
    if total <= 0:
        return None
    remaining = draw * total
    for name, weight in weights.items():
        remaining -= weight
        if remaining < 0:
            return name
    return max(weights, key=lambda name: weights[name])  # rounding left a crumb


def choose_instance(instances: Sequence[T], draw: float, least_outstanding: bool = False) -> T:
    """Any of them (RoutingStrategy RANDOM), or any of the least busy (LEAST_OUTSTANDING_REQUESTS)."""
    if least_outstanding:
        least = min(instance.outstanding for instance in instances)
        instances = [instance for instance in instances if instance.outstanding == least]
    return instances[int(draw * len(instances))]
