"""The drift of each feature against the stored baseline distribution, by the method its constraints choose."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from .baseline_files import BaselineDistribution
from .constraints import Constraints
from .distances import categorical_distance, chi_squared_p_value, is_comparable, numerical_distance
from .kll import Ranks
from .monitoring_config import CHI_SQUARED, ROBUST, MonitoringConfig
from .profiles import ColumnProfile, DatasetProfile


class Drift(NamedTuple):
    value: float
    threshold: float
    is_p_value: bool

    @property
    def is_violation(self) -> bool:
        # A p-value is the smaller the more the distributions differ.
        return self.value < self.threshold if self.is_p_value else self.value > self.threshold


def drifts_of(
    constraints: Constraints, baseline: Mapping[str, BaselineDistribution], profile: DatasetProfile
) -> dict[str, Drift]:
    """Return the drift of each feature that has a comparable distribution on both sides."""
    drifts = {}
    for feature in constraints.features:
        column, distribution = profile.columns.get(feature.name), baseline.get(feature.name)
        if column is None or distribution is None:
            continue
        numerical = _numerical(feature.monitoring, distribution, column)
        drift = numerical or _categorical(feature.string_monitoring, distribution, column)
        if drift is not None:
            drifts[feature.name] = drift
    return drifts


def _numerical(config: MonitoringConfig, baseline: BaselineDistribution, column: ColumnProfile) -> Drift | None:
    if not config.perform_comparison or not baseline.sketch or not any(baseline.sketch) or not column.moments.count:
        return None
    ranks, current = Ranks(baseline.sketch), Ranks(column.sketch.buffers())
    distance = numerical_distance(ranks, current, config.comparison_method == ROBUST)
    return Drift(distance, config.comparison_threshold, is_p_value=False)


def _categorical(config: MonitoringConfig, baseline: BaselineDistribution, column: ColumnProfile) -> Drift | None:
    histogram = column.categories.histogram() if column.categories else None
    counts = {value: float(count) for value, count in histogram or []}
    if not config.perform_comparison or not is_comparable(baseline.counts) or not is_comparable(counts):
        return None
    expected = baseline.counts or {}
    if config.categorical_drift_method == CHI_SQUARED:
        p_value = chi_squared_p_value(expected, counts)
        return None if math.isnan(p_value) else Drift(p_value, config.categorical_threshold, is_p_value=True)
    distance = categorical_distance(expected, counts, config.comparison_method == ROBUST)
    return Drift(distance, config.categorical_threshold, is_p_value=False)
