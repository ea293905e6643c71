"""How far two distributions are apart, as Deequ computes it; pure functions."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from .kll import Ranks

# c(alpha) of the two-sample Kolmogorov-Smirnov test for alpha 0.003.
_C_ALPHA = 1.8
# Smallest expected counts: Yates allows a fifth of the categories below 5; two categories need 10 each (Cochran).
_YATES, _YATES_SHARE, _COCHRAN = 5, 0.2, 10


def numerical_distance(baseline: Ranks, current: Ranks, robust: bool) -> float:
    points = np.union1d(baseline.values, current.values)
    gaps = np.abs(baseline.inclusive(points) / baseline.total - current.inclusive(points) / current.total)
    return _correct(float(gaps.max()), baseline.total, current.total, robust)


def categorical_distance(baseline: Mapping[str, float], current: Mapping[str, float], robust: bool) -> float:
    expected, observed = sum(baseline.values()), sum(current.values())
    gaps = [
        abs(baseline.get(value, 0.0) / expected - current.get(value, 0.0) / observed)
        for value in set(baseline) | set(current)
    ]
    return _correct(max(gaps), expected, observed, robust)


def _correct(distance: float, n: float, m: float, robust: bool) -> float:
    """Robust takes off what two samples of this size differ by anyway."""
    return max(0.0, distance - _C_ALPHA * math.sqrt((n + m) / (n * m))) if robust else distance


def chi_squared_p_value(baseline: Mapping[str, float], current: Mapping[str, float]) -> float:
    """NaN when fewer than two categories are large enough to be tested. Values new in `current` do not count."""
    from scipy.special import chdtrc  # type: ignore[import-untyped, unused-ignore]

    observed = {value: float(current.get(value, 0.0)) for value in baseline}
    scale = sum(observed.values()) / sum(baseline.values())
    expected = {value: count * scale for value, count in baseline.items()}
    _merge_small(expected, observed)
    if len(expected) < 2:
        return math.nan
    statistic = sum((observed[value] - count) ** 2 / count for value, count in expected.items())
    return float(chdtrc(len(expected) - 1, statistic))


def _merge_small(expected: dict[str, float], observed: dict[str, float]) -> None:
    while len(expected) >= 2:
        two = len(expected) == 2
        small = sum(1 for count in expected.values() if count < (_COCHRAN if two else _YATES))
        if small <= (0 if two else int(_YATES_SHARE * len(expected))):
            return
        smallest, second = sorted(expected, key=lambda value: (expected[value], value))[:2]
        expected[second] += expected.pop(smallest)
        observed[second] += observed.pop(smallest)


def is_comparable(counts: Any) -> bool:
    return bool(counts) and sum(counts.values()) > 0
