"""Reads the baseline's constraints.json and statistics.json; both may have been edited by hand, so all is checked."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any, NamedTuple

from . import messages
from .errors import AnalyzerError

_CONSTRAINTS = ("baseline_constraints", "constraints")
_STATISTICS = ("baseline_statistics", "baseline")


class BaselineDistribution(NamedTuple):
    """Distribution of a feature in the baseline: the buffers of its sketch, the counts of its values, or neither."""

    sketch: list[list[float]] | None
    counts: dict[str, float] | None


class FileReader:
    """Reads members of one JSON file; a member of the wrong kind is an error that names the location."""

    def __init__(self, setting: str, path: Path) -> None:
        self.setting = setting
        self.path = path

    def load(self, input_name: str) -> dict[str, Any]:
        if not self.path.is_file():
            text = messages.BASELINE_MISSING.format(setting=self.setting, path=self.path, input=input_name)
            raise AnalyzerError(text)
        try:
            value = json.loads(self.path.read_text(encoding="utf-8"))
        except ValueError as error:
            text = messages.BASELINE_JSON.format(setting=self.setting, path=self.path, reason=error)
            raise AnalyzerError(text) from None
        return self.object(value, "the file")

    def object(self, value: Any, location: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.wrong(location, "an object", value)
        return value

    def list(self, value: Any, location: str) -> builtins.list[Any]:
        if not isinstance(value, list):
            raise self.wrong(location, "a list", value)
        return value

    def number(self, value: Any, location: str) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self.wrong(location, "a number", value)
        return float(value)

    def numbers(self, value: Any, location: str) -> builtins.list[float]:
        items = self.list(value, location)
        # Sketches hold tens of thousands of numbers: one look at all their types.
        if {int, float}.issuperset(map(type, items)):
            return builtins.list(map(float, items))
        return [self.number(item, location) for item in items]

    def choice(self, value: Any, location: str, choices: builtins.list[str]) -> str:
        if value not in choices:
            raise self.wrong(location, " or ".join(choices), value)
        return str(value)

    def wrong(self, location: str, expected: str, value: Any) -> AnalyzerError:
        shown = json.dumps(value)
        shown = shown if len(shown) <= 60 else shown[:60] + "…"
        return AnalyzerError(
            messages.BASELINE_SHAPE.format(
                setting=self.setting, path=self.path, place=location, expected=expected, value=shown
            )
        )


def constraints_reader(path: Path) -> FileReader:
    return FileReader(_CONSTRAINTS[0], path)


def load_constraints(path: Path) -> dict[str, Any]:
    return constraints_reader(path).load(_CONSTRAINTS[1])


def load_distributions(path: Path) -> dict[str, BaselineDistribution]:
    reader = FileReader(_STATISTICS[0], path)
    features = reader.list(reader.load(_STATISTICS[1]).get("features"), "features")
    distributions = {}
    for index, entry in enumerate(features):
        feature = reader.object(entry, f"features[{index}]")
        name = feature.get("name")
        if not isinstance(name, str):
            raise reader.wrong(f"features[{index}].name", "a text", name)
        distributions[name] = BaselineDistribution(_sketch(reader, feature, name), _counts(reader, feature, name))
    return distributions


def _sketch(reader: FileReader, feature: dict[str, Any], name: str) -> list[list[float]] | None:
    kll = _distribution(reader, feature, "numerical_statistics", name).get("kll")
    if kll is None:
        return None
    location = f"sketch of feature '{name}'"
    sketch = reader.object(reader.object(kll, location).get("sketch"), location)
    return [reader.numbers(buffer, location) for buffer in reader.list(sketch.get("data"), location)]


def _counts(reader: FileReader, feature: dict[str, Any], name: str) -> dict[str, float] | None:
    categorical = _distribution(reader, feature, "string_statistics", name).get("categorical")
    if categorical is None:
        return None
    location = f"buckets of feature '{name}'"
    buckets = reader.list(reader.object(categorical, location).get("buckets"), location)
    pairs = [reader.object(bucket, location) for bucket in buckets]
    return {str(pair.get("value")): reader.number(pair.get("count"), location) for pair in pairs}


def _distribution(reader: FileReader, feature: dict[str, Any], kind: str, name: str) -> dict[str, Any]:
    statistics = reader.object(feature.get(kind) or {}, f"{kind} of feature '{name}'")
    return reader.object(statistics.get("distribution") or {}, f"distribution of feature '{name}'")
