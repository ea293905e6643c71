"""The median rule of TrainingJobEarlyStoppingType Auto."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from statistics import fmean, median

LEAST_JOBS = 4
"""Earlier jobs that must have reached the epoch before one is stopped. AWS does not publish its number."""


def is_worse_than_median(values: Sequence[float], earlier: Iterable[Sequence[float]], maximize: bool) -> bool:
    """Return whether the last of ``values`` is worse than the median of the running averages of earlier jobs.

    There is one value for each epoch. The rule is documented in the developer guide: "Stop Training Jobs Early".
    """
    if not values:
        return False
    epochs = len(values)
    averages = [fmean(each[:epochs]) for each in earlier if len(each) >= epochs]
    if len(averages) < LEAST_JOBS:
        return False
    return values[-1] < median(averages) if maximize else values[-1] > median(averages)
