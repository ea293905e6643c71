"""Profiles of columns, computed in one pass over the data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from . import messages
from .categories import Categories
from .cells import STRING, CellCounts, Classified, classify, classify_list
from .distinct_numbers import DistinctNumbers
from .errors import AnalyzerError
from .kll import KllSketch
from .moments import Moments
from .plain_frames import PlainFrame

# Numbers are added in stretches that stay in the processor's cache with their temporaries.
_STRETCH = 16384


class ColumnProfile:
    def __init__(self, name: str, domain: frozenset[str], text_from_start: bool) -> None:
        if "." in name:
            raise AnalyzerError(messages.DOTTED_COLUMN.format(name=name))
        self.name = name
        self.rows = 0
        self.cells = CellCounts()
        self.moments = Moments()
        self.sketch = KllSketch()
        self.distinct_numbers = DistinctNumbers()
        self.categories: Categories | None = Categories(domain) if text_from_start else None
        self._domain = domain

    def add_missing(self, rows: int) -> None:
        self.rows += rows

    def update(self, rows: int, classified: Classified, texts: Callable[[], Any]) -> None:
        """`texts`: the cells that are present, as a polars Series of String or a list; made only when asked for."""
        self.rows += rows
        self.cells = self.cells.plus(classified.counts)
        self._add_numbers(classified.numbers)
        if self.categories is None and classified.counts.textual:
            self.categories = Categories(self._domain)
        if self.categories is not None:
            self.categories.update(texts())

    def _add_numbers(self, numbers: Any) -> None:
        for start in range(0, len(numbers), _STRETCH):
            stretch = numbers[start : start + _STRETCH]
            doubles = stretch.astype(np.float64, copy=False)
            with np.errstate(over="ignore", invalid="ignore"):
                if not np.isfinite(doubles.sum()):
                    # Hundreds of digits overflow a double; Parquet can hold infinities.
                    stretch = doubles = doubles[np.isfinite(doubles)]
                self.moments.update(stretch, doubles)
            self.distinct_numbers.update(doubles)
            self.sketch.update(doubles)

    @property
    def present(self) -> int:
        return self.cells.present

    @property
    def missing(self) -> int:
        return self.rows - self.present

    @property
    def completeness(self) -> float:
        return self.present / self.rows if self.rows else 0.0

    @property
    def inferred_type(self) -> str:
        return self.cells.column_type

    @property
    def misses_texts(self) -> bool:
        """A numeric column that turned out to be text after some blocks: its first texts were not counted."""
        return self.inferred_type == STRING and self.categories is not None and self.categories.count < self.present


class DatasetProfile:
    """`domains`: name of each column known to be text -> the values its baseline allows (may be none)."""

    def __init__(self, domains: Mapping[str, frozenset[str]], all_text: bool, exponent_is_fractional: bool) -> None:
        self.rows = 0
        self.columns: dict[str, ColumnProfile] = {}
        self._domains = domains
        self._all_text = all_text
        self._exponent_is_fractional = exponent_is_fractional

    def update(self, frame: Any) -> None:
        if isinstance(frame, PlainFrame):
            self._update_plain(frame)
        else:
            self._update_typed(frame)
        self.rows += frame.height
        for profile in self.columns.values():
            profile.add_missing(self.rows - profile.rows)

    def _update_plain(self, frame: PlainFrame) -> None:
        for name in frame.columns:
            present = frame.get_column(name).drop_nulls()
            classified = classify_list(present, self._exponent_is_fractional)
            self._column(name).update(frame.height, classified, partial(list, present))

    def _update_typed(self, frame: Any) -> None:
        """`frame`: a polars frame of Int64, Float64, Boolean and String columns."""
        import polars as pl

        frame = frame.with_columns(pl.col(pl.Boolean).cast(pl.String))
        classified = classify(frame.select(pl.col(pl.String)), self._exponent_is_fractional)
        for name in frame.columns:
            column = frame.get_column(name)
            present = column.drop_nulls() if column.null_count() else column
            known = classified[name] if name in classified else _of_numbers(present)
            self._column(name).update(len(column), known, partial(present.cast, pl.String))

    def order_columns(self, names: list[str]) -> None:
        """Put the columns into the order the data set itself gives them."""
        self.columns = {name: self._column(name) for name in names}
        for profile in self.columns.values():
            profile.add_missing(self.rows - profile.rows)

    def recount_texts(self, name: str) -> Categories:
        """Fresh categories for a second pass over the one column."""
        categories = Categories(self._domains.get(name, frozenset()))
        self.columns[name].categories = categories
        return categories

    def _column(self, name: str) -> ColumnProfile:
        profile = self.columns.get(name)
        if profile is None:
            text = self._all_text or name in self._domains
            domain = self._domains.get(name, frozenset())
            profile = ColumnProfile(name, domain, text)
            profile.add_missing(self.rows)
            self.columns[name] = profile
        return profile


def _of_numbers(column: Any) -> Classified:
    numbers = column.to_numpy()
    integral = numbers.dtype.kind == "i"
    return Classified(CellCounts(integral=len(numbers)) if integral else CellCounts(fractional=len(numbers)), numbers)
