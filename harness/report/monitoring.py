"""Rows of a monitor's table: each feature's statistics beside the violations found in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class FeatureRow:
    feature: str
    type: str = ""
    completeness: float | None = None
    mean: float | None = None
    std_dev: float | None = None
    minimum: float | None = None
    maximum: float | None = None
    baseline_mean: float | None = None
    violations: tuple[tuple[str, str], ...] = ()


def feature_rows(content: Mapping[str, Any]) -> list[FeatureRow]:
    """Violated features first, those that name no feature ("Extra columns") leading; then the order of the data."""
    violated: dict[str, list[tuple[str, str]]] = {}
    for violation in (content.get("violations") or {}).get("violations", []):
        found = (violation["constraint_check_type"], violation["description"])
        violated.setdefault(violation["feature_name"], []).append(found)
    features = {feature["name"]: feature for feature in (content.get("statistics") or {}).get("features", [])}
    baseline = {feature["name"]: feature for feature in (content.get("baseline") or {}).get("features", [])}
    rows = [FeatureRow(name, violations=tuple(found)) for name, found in violated.items() if name not in features]
    rows += [_row(feature, baseline.get(name), violated.get(name, [])) for name, feature in features.items()]
    return sorted(rows, key=lambda row: not row.violations)


def _row(
    feature: Mapping[str, Any], baseline: Mapping[str, Any] | None, violations: list[tuple[str, str]]
) -> FeatureRow:
    numbers = feature.get("numerical_statistics") or {}
    common = (numbers or feature.get("string_statistics") or {}).get("common", {})
    present, missing = common.get("num_present", 0), common.get("num_missing", 0)
    return FeatureRow(
        feature=feature["name"],
        type=feature.get("inferred_type", ""),
        completeness=present / (present + missing) if present + missing else None,
        mean=numbers.get("mean"),
        std_dev=numbers.get("std_dev"),
        minimum=numbers.get("min"),
        maximum=numbers.get("max"),
        baseline_mean=((baseline or {}).get("numerical_statistics") or {}).get("mean"),
        violations=tuple(violations),
    )
