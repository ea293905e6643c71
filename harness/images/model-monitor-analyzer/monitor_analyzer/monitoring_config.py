"""The switches and thresholds of constraints.json, with the overrides of single features laid over them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from .baseline_files import FileReader
from .config import DISABLED, DRIFT_METHODS, ENABLED

SIMPLE, ROBUST = "Simple", "Robust"
LINFINITY, CHI_SQUARED = DRIFT_METHODS
# The documentation spells the override member one way, the SDK another.
_OVERRIDES = ("monitoring_config_overrides", "monitoringConfigOverrides")
_SWITCHES = {"evaluate_constraints", "emit_metrics"}
_THRESHOLDS = {"datatype_check_threshold", "domain_content_threshold"}
_COMPARISON = {
    "perform_comparison",
    "comparison_threshold",
    "comparison_method",
    "categorical_comparison_threshold",
    "categorical_drift_method",
}


@dataclass(frozen=True)
class MonitoringConfig:
    evaluate_constraints: bool = True
    emit_metrics: bool = True
    datatype_check_threshold: float = 1.0
    domain_content_threshold: float = 1.0
    perform_comparison: bool = True
    comparison_threshold: float = 0.1
    comparison_method: str = ROBUST
    categorical_comparison_threshold: float | None = None
    categorical_drift_method: str = LINFINITY

    @property
    def categorical_threshold(self) -> float:
        threshold = self.categorical_comparison_threshold
        return self.comparison_threshold if threshold is None else threshold

    def as_written(self, drift_method: str | None) -> dict[str, Any]:
        """The member a baseline job writes, whether a drift method was chosen for it or not."""
        distribution: dict[str, Any] = {
            "perform_comparison": _switch(self.perform_comparison),
            "comparison_threshold": self.comparison_threshold,
            "comparison_method": self.comparison_method,
            "categorical_comparison_threshold": self.categorical_threshold,
            "categorical_drift_method": drift_method or self.categorical_drift_method,
        }
        return {
            "evaluate_constraints": _switch(self.evaluate_constraints),
            "emit_metrics": _switch(self.emit_metrics),
            "datatype_check_threshold": self.datatype_check_threshold,
            "domain_content_threshold": self.domain_content_threshold,
            "distribution_constraints": distribution,
        }

    def overridden(self, value: Any, reader: FileReader, location: str) -> MonitoringConfig:
        """A copy in which the members of `value` count; an unknown member is an error, not ignored."""
        changes: dict[str, Any] = {}
        for key, member in reader.object(value or {}, location).items():
            if key == "distribution_constraints":
                inner = f"{location}.{key}"
                for name, item in reader.object(member, inner).items():
                    if name not in _COMPARISON:
                        raise reader.wrong(inner, "an object of " + ", ".join(sorted(_COMPARISON)), member)
                    changes[name] = _value(reader, name, item, f"{inner}.{name}")
            elif key in _SWITCHES | _THRESHOLDS:
                changes[key] = _value(reader, key, member, f"{location}.{key}")
            else:
                known = sorted(_SWITCHES | _THRESHOLDS | {"distribution_constraints"})
                raise reader.wrong(location, "an object of " + ", ".join(known), value)
        return replace(self, **changes)


def overrides_in(holder: dict[str, Any]) -> Any:
    """The overrides an object carries, in either spelling."""
    for spelling in _OVERRIDES:
        if holder.get(spelling):
            return holder[spelling]
    return None


def _value(reader: FileReader, key: str, value: Any, location: str) -> Any:
    if key in _SWITCHES or key == "perform_comparison":
        return reader.choice(value, location, [ENABLED, DISABLED]) == ENABLED
    if key == "comparison_method":
        return reader.choice(value, location, [SIMPLE, ROBUST])
    if key == "categorical_drift_method":
        return reader.choice(value, location, list(DRIFT_METHODS))
    return reader.number(value, location)


def _switch(enabled: bool) -> str:
    return ENABLED if enabled else DISABLED
