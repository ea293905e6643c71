"""constraints.json both ways: what a data set suggests, and what a stored (perhaps edited) file demands."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .baseline_files import FileReader, constraints_reader, load_constraints
from .cells import FRACTIONAL, INTEGRAL, STRING, UNKNOWN
from .monitoring_config import MonitoringConfig, overrides_in
from .profiles import ColumnProfile, DatasetProfile

# Deequ suggests a domain when at most this share of the distinct values occurs only once.
_MOST_UNIQUE = 0.1


@dataclass(frozen=True)
class FeatureConstraints:
    name: str
    inferred_type: str
    completeness: float | None
    domain: frozenset[str] | None
    monitoring: MonitoringConfig
    string_monitoring: MonitoringConfig


@dataclass(frozen=True)
class Constraints:
    features: tuple[FeatureConstraints, ...]
    monitoring: MonitoringConfig


def suggested_constraints(profile: DatasetProfile, drift_method: str | None) -> dict[str, Any]:
    return {
        "version": 0.0,
        "features": [_suggestion(column) for column in profile.columns.values()],
        "monitoring_config": MonitoringConfig().as_written(drift_method),
    }


def _suggestion(column: ColumnProfile) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": column.name,
        "inferred_type": column.inferred_type,
        "completeness": column.completeness,
    }
    if column.inferred_type in (INTEGRAL, FRACTIONAL):
        entry["num_constraints"] = {"is_non_negative": column.moments.min >= 0}
    domain = _suggested_domain(column)
    if domain:
        entry["string_constraints"] = {"domains": domain}
    return entry


def _suggested_domain(column: ColumnProfile) -> list[str]:
    histogram = column.categories.histogram() if column.categories and column.inferred_type == STRING else None
    if not histogram:
        return []
    unique = sum(1 for _, count in histogram if count == 1)
    return [value for value, _ in histogram] if unique / len(histogram) <= _MOST_UNIQUE else []


def read_constraints(path: Path) -> Constraints:
    reader = constraints_reader(path)
    value = load_constraints(path)
    monitoring = MonitoringConfig().overridden(value.get("monitoring_config"), reader, "monitoring_config")
    features = reader.list(value.get("features"), "features")
    parsed = tuple(_feature(reader, entry, f"features[{i}]", monitoring) for i, entry in enumerate(features))
    return Constraints(parsed, monitoring)


def _feature(reader: FileReader, value: Any, location: str, monitoring: MonitoringConfig) -> FeatureConstraints:
    entry = reader.object(value, location)
    name = entry.get("name")
    if not isinstance(name, str):
        raise reader.wrong(f"{location}.name", "a text", name)
    types = [INTEGRAL, FRACTIONAL, STRING, UNKNOWN]
    completeness = entry.get("completeness")
    if completeness is not None:
        completeness = reader.number(completeness, f"{location}.completeness")
    strings = reader.object(entry.get("string_constraints") or {}, f"{location}.string_constraints")
    domain = strings.get("domains")
    if domain is not None:
        domain = frozenset(str(item) for item in reader.list(domain, f"{location}.string_constraints.domains"))
    own = monitoring.overridden(overrides_in(entry), reader, f"{location} overrides")
    return FeatureConstraints(
        name=name,
        inferred_type=reader.choice(entry.get("inferred_type"), f"{location}.inferred_type", types),
        completeness=completeness,
        domain=domain,
        monitoring=own,
        string_monitoring=own.overridden(overrides_in(strings), reader, f"{location}.string_constraints overrides"),
    )
