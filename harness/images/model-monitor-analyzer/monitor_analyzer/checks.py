"""Compares a data set with stored constraints; every check of constraint_violations.json, one function each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from . import messages
from .cells import STRING, UNKNOWN
from .constraints import Constraints, FeatureConstraints
from .drift import Drift
from .json_text import java_double
from .profiles import ColumnProfile, DatasetProfile


class Violation(NamedTuple):
    feature_name: str
    constraint_check_type: str
    description: str


def violations_file(violations: list[Violation]) -> dict[str, list[dict[str, str]]]:
    return {"violations": [violation._asdict() for violation in violations]}


def find_violations(constraints: Constraints, drifts: Mapping[str, Drift], profile: DatasetProfile) -> list[Violation]:
    if not constraints.monitoring.evaluate_constraints and not any(
        feature.monitoring.evaluate_constraints for feature in constraints.features
    ):
        return []
    columns = list(_column_checks(constraints, profile))
    if columns:
        # With other columns than the baseline's nothing else can be trusted to compare like with like.
        return columns if constraints.monitoring.evaluate_constraints else []
    found: list[Violation] = []
    for feature in constraints.features:
        found.extend(_feature_checks(feature, drifts, profile.columns[feature.name]))
    return found


def _column_checks(constraints: Constraints, profile: DatasetProfile) -> Iterator[Violation]:
    baseline = {feature.name for feature in constraints.features}
    counts = {"current": len(profile.columns), "baseline": len(baseline)}
    if baseline - set(profile.columns):
        text = messages.MISSING_COLUMNS.format(**counts)
        yield Violation(messages.MISSING_COLUMNS_FEATURE, "missing_column_check", text)
    if set(profile.columns) - baseline:
        text = messages.EXTRA_COLUMNS.format(**counts)
        yield Violation(messages.EXTRA_COLUMNS_FEATURE, "extra_column_check", text)


def _feature_checks(
    feature: FeatureConstraints, drifts: Mapping[str, Drift], column: ColumnProfile
) -> Iterator[Violation]:
    if feature.monitoring.evaluate_constraints:
        wrong_type = list(_data_type(feature, column))
        yield from wrong_type
        yield from _completeness(feature, column)
        drift = drifts.get(feature.name)
        # Nine real runs list a column of the wrong type without its drift, which was plain.
        if drift and drift.is_violation and not wrong_type:
            yield _drift(feature.name, drift)
    if feature.string_monitoring.evaluate_constraints:
        yield from _categorical_values(feature, column)


def _data_type(feature: FeatureConstraints, column: ColumnProfile) -> Iterator[Violation]:
    if feature.inferred_type == UNKNOWN or not column.present:
        return
    share = column.cells.matching(feature.inferred_type) / column.present
    threshold = feature.monitoring.datatype_check_threshold
    if share < threshold:
        text = messages.DATA_TYPE.format(
            expected=feature.inferred_type, threshold=_percent(threshold), observed=_percent(share)
        )
        yield Violation(feature.name, "data_type_check", text)


def _completeness(feature: FeatureConstraints, column: ColumnProfile) -> Iterator[Violation]:
    if feature.completeness is not None and column.completeness < feature.completeness:
        text = messages.COMPLETENESS.format(
            expected=_percent(feature.completeness), observed=_percent(column.completeness)
        )
        yield Violation(feature.name, "completeness_check", text)


def _drift(name: str, drift: Drift) -> Violation:
    text = messages.DRIFT_P_VALUE if drift.is_p_value else messages.DRIFT_DISTANCE
    values = {"distance": java_double(drift.value), "threshold": java_double(drift.threshold)}
    return Violation(name, "baseline_drift_check", text.format(**values))


def _categorical_values(feature: FeatureConstraints, column: ColumnProfile) -> Iterator[Violation]:
    if feature.domain is None or column.categories is None or not column.categories.count:
        return
    share = column.categories.domain_hits / column.categories.count
    threshold = feature.string_monitoring.domain_content_threshold
    if share < threshold:
        text = messages.CATEGORICAL_VALUES.format(
            observed=java_double(share), percent=_percent(share), threshold=_percent(threshold)
        )
        yield Violation(feature.name, "categorical_values_check", text)


def text_domains(constraints: Constraints) -> dict[str, frozenset[str]]:
    """The columns whose texts have to be counted from the first row, whatever they hold now."""
    return {
        feature.name: feature.domain or frozenset()
        for feature in constraints.features
        if feature.inferred_type == STRING or feature.domain is not None
    }


def _percent(share: float) -> str:
    return java_double(share * 100.0)
