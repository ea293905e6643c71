"""The settings of one run, read from the container's environment; what cannot be honoured is refused here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from . import messages
from .dataset_format import DatasetFormat, parse_dataset_format
from .errors import AnalyzerError

ENABLED, DISABLED = "Enabled", "Disabled"
DRIFT_METHODS = ("LInfinity", "ChiSquared")
_OPT_ML = "/opt/ml"
_REQUIRED = ("dataset_format", "dataset_source", "output_path")


@dataclass(frozen=True)
class AnalysisConfig:
    dataset_format: DatasetFormat
    dataset_source: Path
    output_path: Path
    base_dir: Path = Path(_OPT_ML)
    publish_cloudwatch_metrics: bool = False
    baseline_constraints: Path | None = None
    baseline_statistics: Path | None = None
    start_time: datetime | None = None
    end_time: datetime | None = None
    metric_time: datetime | None = None
    record_preprocessor_script: Path | None = None
    post_analytics_processor_script: Path | None = None
    endpoint_name: str | None = None
    schedule_name: str | None = None
    categorical_drift_method: str | None = None
    exponent_is_fractional: bool = False

    @property
    def is_monitoring(self) -> bool:
        """A baseline job has neither a baseline to compare with nor a window."""
        return bool(self.baseline_constraints or self.baseline_statistics or self.end_time)

    @property
    def metrics_file(self) -> Path:
        return self.base_dir / "output" / "metrics" / "cloudwatch" / "cloudwatch_metrics.jsonl"


def base_dir(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("SAGEMAKER_BASE_DIR") or _OPT_ML)


def from_environment(environ: Mapping[str, str]) -> AnalysisConfig:
    """`environ` wins; the Environment of processingjobconfig.json fills in what it lacks."""
    base = base_dir(environ)
    settings = _Settings({**_job_environment(base), **environ}, base)
    _refuse_several_instances(base)
    analysis_type = settings.get("analysis_type")
    if analysis_type not in (None, "DATA_QUALITY"):
        raise AnalyzerError(messages.ANALYSIS_TYPE.format(value=analysis_type))
    for name in _REQUIRED:
        if settings.get(name) is None:
            raise AnalyzerError(messages.SETTING_MISSING.format(name=name, names=", ".join(_REQUIRED)))
    start, end = settings.time("start_time"), settings.time("end_time")
    _check_window(settings, start, end)
    constraints, statistics = settings.path("baseline_constraints"), settings.path("baseline_statistics")
    # Monitoring jobs publish unless told not to; baseline jobs only when told to.
    published_by_default = ENABLED if constraints or statistics or end else DISABLED
    return AnalysisConfig(
        dataset_format=parse_dataset_format(settings.values["dataset_format"]),
        dataset_source=settings.required_path("dataset_source"),
        output_path=settings.required_path("output_path"),
        base_dir=base,
        publish_cloudwatch_metrics=(
            settings.choice("publish_cloudwatch_metrics", [ENABLED, DISABLED]) or published_by_default
        )
        == ENABLED,
        baseline_constraints=constraints,
        baseline_statistics=statistics,
        start_time=start,
        end_time=end,
        metric_time=settings.time("metric_time"),
        record_preprocessor_script=settings.path("record_preprocessor_script"),
        post_analytics_processor_script=settings.path("post_analytics_processor_script"),
        endpoint_name=settings.get("sagemaker_endpoint_name"),
        schedule_name=settings.get("sagemaker_monitoring_schedule_name"),
        categorical_drift_method=settings.choice("categorical_drift_method", list(DRIFT_METHODS)),
        exponent_is_fractional=settings.choice("exponent_notation", ["String", "Fractional"]) == "Fractional",
    )


def parse_time(value: str) -> datetime:
    """ISO 8601; without an offset it is UTC. Raises ValueError."""
    parsed = datetime.fromisoformat(value.replace("Z", "+00:00"))
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


class _Settings:
    def __init__(self, values: Mapping[str, str], base: Path) -> None:
        self.values = values
        self._base = base

    def get(self, name: str) -> str | None:
        """An empty variable counts as one that is not set."""
        return self.values.get(name) or None

    def path(self, name: str) -> Path | None:
        value = self.get(name)
        return self._below_base(value) if value else None

    def required_path(self, name: str) -> Path:
        return self._below_base(self.values[name])

    def choice(self, name: str, choices: list[str]) -> str | None:
        value = self.get(name)
        if value is not None and value not in choices:
            raise AnalyzerError(messages.SETTING_CHOICE.format(name=name, value=value, choices=" or ".join(choices)))
        return value

    def time(self, name: str) -> datetime | None:
        value = self.get(name)
        try:
            return parse_time(value) if value else None
        except ValueError:
            raise AnalyzerError(messages.SETTING_TIME.format(name=name, value=value)) from None

    def _below_base(self, value: str) -> Path:
        if value == _OPT_ML or value.startswith(_OPT_ML + "/"):
            return self._base / value[len(_OPT_ML) + 1 :]
        return Path(value)


def _check_window(settings: _Settings, start: datetime | None, end: datetime | None) -> None:
    if (start is None) != (end is None):
        name = "start_time" if start else "end_time"
        raise AnalyzerError(messages.SETTING_WINDOW_HALF.format(name=name))
    if start and end and start >= end:
        text = messages.SETTING_WINDOW.format(start=settings.get("start_time"), end=settings.get("end_time"))
        raise AnalyzerError(text)


def _job_environment(base: Path) -> dict[str, str]:
    path = base / "config" / "processingjobconfig.json"
    if not path.exists():
        return {}
    environment = _json_object(path).get("Environment") or {}
    if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
        raise AnalyzerError(messages.JOB_CONFIG.format(path=path, reason="Environment is something else"))
    return environment


def _refuse_several_instances(base: Path) -> None:
    """Each instance would see the whole data set and all would write the same files."""
    path = base / "config" / "resourceconfig.json"
    hosts = _json_object(path).get("hosts") if path.exists() else None
    if isinstance(hosts, list) and len(hosts) > 1:
        raise AnalyzerError(messages.SEVERAL_INSTANCES.format(count=len(hosts), hosts=", ".join(map(str, hosts))))


def _json_object(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise AnalyzerError(messages.JOB_CONFIG.format(path=path, reason=error)) from None
    if not isinstance(value, dict):
        raise AnalyzerError(messages.JOB_CONFIG.format(path=path, reason="it is something else"))
    return value
