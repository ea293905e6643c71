"""The results of a monitor by feature: statistics, violations, and the distributions of baseline and current data."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.report import distributions
from harness.report.distributions import HistogramBin

_DRIFT = re.compile(r"(distance|p-value): (\S+) (?:exceeds|is below) threshold: (\S+)")


@dataclass(frozen=True)
class DriftTable:
    """The drift of a feature, read from the text of its violation; the monitor reports none for other features."""

    measure: str
    value: float
    threshold: float

    @property
    def share(self) -> float:
        """The length of a bar for the distance, which is at most 1."""
        return min(max(self.value, 0.0), 1.0)


@dataclass(frozen=True)
class FeatureRow:
    """The results for one feature."""

    feature: str
    type: str = ""
    completeness: float | None = None
    mean: float | None = None
    std_dev: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    baseline_mean: float | None = None
    violations: tuple[tuple[str, str], ...] = ()
    drift: DriftTable | None = None
    buckets: tuple[HistogramBin, ...] = ()
    baseline_buckets: tuple[HistogramBin, ...] = ()
    categories: Mapping[str, float] = field(default_factory=dict)
    baseline_categories: Mapping[str, float] = field(default_factory=dict)
    integral: bool = False

    def picture(self) -> str:
        """Draw both distributions in one small SVG; empty if neither is known."""
        label = f"distribution of {self.feature}"
        if self.buckets:
            return distributions.draw_histogram(self.buckets, self.baseline_buckets, label, integral=self.integral)
        return distributions.draw_categories(self.categories, self.baseline_categories, label)


def feature_rows(content: Mapping[str, Any]) -> list[FeatureRow]:
    """Return a row for each feature. Violations without a feature ("Extra columns") come first, then violated ones."""
    violated: dict[str, list[tuple[str, str]]] = {}
    for violation in (content.get("violations") or {}).get("violations", []):
        entry = (violation["constraint_check_type"], violation["description"])
        violated.setdefault(violation["feature_name"], []).append(entry)
    features = {feature["name"]: feature for feature in (content.get("statistics") or {}).get("features", [])}
    baseline = {feature["name"]: feature for feature in (content.get("baseline") or {}).get("features", [])}
    rows = [
        FeatureRow(name, violations=tuple(violations), drift=_drift(violations))
        for name, violations in violated.items()
        if name not in features
    ]
    rows += [_row(feature, baseline.get(name), violated.get(name, [])) for name, feature in features.items()]
    return sorted(rows, key=lambda row: not row.violations)


def _row(
    feature: Mapping[str, Any], baseline: Mapping[str, Any] | None, violations: list[tuple[str, str]]
) -> FeatureRow:
    numbers = feature.get("numerical_statistics") or {}
    common = (numbers or feature.get("string_statistics") or {}).get("common", {})
    present, missing = common.get("num_present", 0), common.get("num_missing", 0)
    expected = baseline or {}
    return FeatureRow(
        feature=feature["name"],
        type=feature.get("inferred_type", ""),
        completeness=present / (present + missing) if present + missing else None,
        mean=numbers.get("mean"),
        std_dev=numbers.get("std_dev"),
        minimum=numbers.get("min"),
        maximum=numbers.get("max"),
        baseline_mean=(expected.get("numerical_statistics") or {}).get("mean"),
        violations=tuple(violations),
        drift=_drift(violations),
        buckets=_buckets(feature),
        baseline_buckets=_buckets(expected),
        categories=_categories(feature),
        baseline_categories=_categories(expected),
        integral="Integral" == feature.get("inferred_type") == expected.get("inferred_type", "Integral"),
    )


def _drift(violations: Sequence[tuple[str, str]]) -> DriftTable | None:
    for _, description in violations:
        if match := _DRIFT.search(description):
            with contextlib.suppress(ValueError):
                return DriftTable(match[1], float(match[2]), float(match[3]))
    return None


def _buckets(feature: Mapping[str, Any]) -> tuple[HistogramBin, ...]:
    numbers = feature.get("numerical_statistics") or {}
    sketch = (numbers.get("distribution") or {}).get("kll") or {}
    return tuple(
        HistogramBin(float(each["lower_bound"]), float(each["upper_bound"]), float(each["count"]))
        for each in sketch.get("buckets") or []
    )


def _categories(feature: Mapping[str, Any]) -> dict[str, float]:
    texts = feature.get("string_statistics") or {}
    counted = (texts.get("distribution") or {}).get("categorical") or {}
    return {str(each["value"]): float(each["count"]) for each in counted.get("buckets") or []}
