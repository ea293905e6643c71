"""The values of a text column: approximate distinct count, a histogram while few are distinct, hits in a domain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from .distinct_counts import DistinctCount

# Deequ makes histograms of columns with at most this many distinct values.
HISTOGRAM_LIMIT = 120


class Categories:
    def __init__(self, domain: frozenset[str] = frozenset()) -> None:
        self.count = 0
        self.domain_hits = 0
        self._domain = domain
        # Exact while few are distinct; then only their number is kept.
        self._counts: dict[str, int] = {}
        self._distinct: DistinctCount | None = None

    def update(self, texts: Any) -> None:
        """`texts`: a polars Series of String without nulls, or a list of texts."""
        self.count += len(texts)
        if self._domain:
            self.domain_hits += _hits(texts, self._domain)
        if self._distinct is not None:
            self._distinct.update(texts)
            return
        counted = _count_texts(texts)
        if counted is not None:
            for value, count in counted.items():
                self._counts[value] = self._counts.get(value, 0) + count
            if len(self._counts) <= HISTOGRAM_LIMIT:
                return
        self._distinct = DistinctCount()
        if self._counts:
            self._distinct.update(_like(texts, list(self._counts)))
            self._counts = {}
        if counted is None:
            self._distinct.update(texts)

    @property
    def distinct_count(self) -> float:
        return self._distinct.estimate if self._distinct else float(len(self._counts))

    def histogram(self) -> list[tuple[str, int]] | None:
        """Most frequent first; None for a column of too many distinct values."""
        if self._distinct is not None:
            return None
        return sorted(self._counts.items(), key=lambda item: (-item[1], item[0]))


def _count_texts(texts: Any) -> Mapping[str, int] | None:
    """Return the counts of a block's texts, or None if there are too many: converting them to Python is slow."""
    if isinstance(texts, list):
        return Counter(texts)
    counted = texts.value_counts()
    if counted.height > HISTOGRAM_LIMIT:
        return None
    return dict(zip(counted.get_column(texts.name).to_list(), counted.get_column("count").to_list(), strict=True))


def _hits(texts: Any, domain: frozenset[str]) -> int:
    if isinstance(texts, list):
        return sum(map(domain.__contains__, texts))
    return int(texts.is_in(list(domain)).sum())


def _like(texts: Any, values: list[str]) -> Any:
    """`values` as the kind of thing that `texts` is."""
    return values if isinstance(texts, list) else type(texts)(texts.name, values)
