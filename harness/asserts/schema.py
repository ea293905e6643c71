"""Schema of a table: columns with types and ranges, read from a data set or from the baseline of Model Monitor."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_INTEGRAL = re.compile(r"[+-]?\d+")
MOST_CATEGORIES = 20
"""The largest number of different values for which a text column lists them."""


@dataclass(frozen=True)
class Column:
    """A column. ``kind`` is Integral, Fractional or String, as in Model Monitor.

    ``low`` and ``high`` are the range of its values; ``values`` are the texts of a String column with few of them.
    ``complete`` is true if no cell was empty.
    """

    name: str
    kind: str
    low: float = 0.0
    high: float = 0.0
    values: tuple[str, ...] = ()
    complete: bool = True
    non_negative: bool = False


@dataclass(frozen=True)
class Schema:
    columns: tuple[Column, ...]

    def without(self, *names: str) -> Schema:
        """Return the schema without these columns, for example without the label."""
        self._must_have(names)
        return Schema(tuple(column for column in self.columns if column.name not in names))

    def column(self, name: str) -> Column:
        self._must_have([name])
        return next(column for column in self.columns if column.name == name)

    def _must_have(self, names: Iterable[str]) -> None:
        known = [column.name for column in self.columns]
        for name in names:
            if name not in known:
                raise KeyError(f"no column {name!r}; there are {', '.join(known)}")


def schema_of_csv(file: Path, rows: int = 10_000) -> Schema:
    """Read the schema of a CSV file with a header from its first rows."""
    with file.open(newline="", encoding="utf-8") as stream:
        reader = csv.reader(stream)
        header = next(reader, [])
        cells: list[list[str]] = [[] for _ in header]
        for _, row in zip(range(rows), reader, strict=False):
            for column, cell in zip(cells, row, strict=False):
                column.append(cell)
    if not header or not cells[0]:
        raise ValueError(f"{file.name} holds no rows below a header")
    return Schema(tuple(map(_column, header, cells)))


def _column(name: str, cells: Sequence[str]) -> Column:
    present = [cell for cell in cells if cell != ""]
    complete = len(present) == len(cells)
    numbers = _numbers(present)
    if not numbers:
        values = tuple(dict.fromkeys(present))
        return Column(name, "String", values=values if len(values) <= MOST_CATEGORIES else (), complete=complete)
    kind = "Integral" if all(map(_INTEGRAL.fullmatch, present)) else "Fractional"
    low, high = min(numbers), max(numbers)
    return Column(name, kind, low, high, complete=complete, non_negative=low >= 0)


def _numbers(cells: Sequence[str]) -> list[float]:
    """Return the cells as numbers; an empty list if one of them is not a number."""
    try:
        return [float(cell) for cell in cells]
    except ValueError:
        return []


def schema_of_baseline(statistics: Mapping[str, Any], constraints: Mapping[str, Any]) -> Schema:
    """Read the schema from ``statistics.json`` and ``constraints.json`` of a Model Monitor baseline."""
    seen = {feature["name"]: feature for feature in statistics["features"]}
    return Schema(
        tuple(_column_of_baseline(feature, seen.get(feature["name"], {})) for feature in constraints["features"])
    )


def _column_of_baseline(constraint: Mapping[str, Any], seen: Mapping[str, Any]) -> Column:
    numbers = seen.get("numerical_statistics") or {}
    texts = ((seen.get("string_statistics") or {}).get("distribution") or {}).get("categorical") or {}
    listed = (constraint.get("string_constraints") or {}).get("domains") or [
        bucket["value"] for bucket in texts.get("buckets", [])
    ]
    return Column(
        name=constraint["name"],
        kind=constraint["inferred_type"] if constraint["inferred_type"] != "Unknown" else "String",
        low=float(numbers.get("min", 0.0)),
        high=float(numbers.get("max", 0.0)),
        values=tuple(map(str, listed)),
        complete=float(constraint.get("completeness", 1.0)) >= 1.0,
        non_negative=bool((constraint.get("num_constraints") or {}).get("is_non_negative")),
    )
