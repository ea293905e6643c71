"""The values of a text column: approximate distinct count, a histogram while few are distinct, hits in a domain."""

from __future__ import annotations

from typing import Any

# Deequ makes histograms of columns with at most this many distinct values.
HISTOGRAM_LIMIT = 120
# 2**12 registers: about 1.6 % off at worst for one standard error, exact for small counts.
_LOG_REGISTERS = 12


class Categories:
    def __init__(self, domain: frozenset[str] = frozenset()) -> None:
        import datasketches  # type: ignore[import-untyped, unused-ignore]

        self.count = 0
        self.domain_hits = 0
        self._domain = domain
        self._distinct: Any = datasketches.hll_sketch(_LOG_REGISTERS)
        self._counts: dict[str, int] | None = {}

    def update(self, texts: Any) -> None:
        """`texts`: a polars Series of String without nulls."""
        self.count += len(texts)
        if self._counts is None and not self._domain:
            self._add_distinct(texts.unique().to_list())
            return
        counted = texts.value_counts()
        values: list[str] = counted.get_column(texts.name).to_list()
        counts: list[int] = counted.get_column("count").to_list()
        self._add_distinct(values)
        for value, count in zip(values, counts, strict=True):
            if value in self._domain:
                self.domain_hits += count
            if self._counts is not None:
                self._counts[value] = self._counts.get(value, 0) + count
        if self._counts is not None and len(self._counts) > HISTOGRAM_LIMIT:
            self._counts = None

    def _add_distinct(self, values: list[str]) -> None:
        add = self._distinct.update
        for value in values:
            add(value)

    @property
    def distinct_count(self) -> float:
        return float(round(self._distinct.get_estimate()))

    def histogram(self) -> list[tuple[str, int]] | None:
        """Most frequent first; None for a column of too many distinct values."""
        if self._counts is None:
            return None
        return sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))
