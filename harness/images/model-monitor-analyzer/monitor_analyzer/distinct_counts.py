"""How many distinct texts a column has, approximately, in memory that does not grow with them."""

from __future__ import annotations

from typing import Any

import numpy as np

# 2**12 registers: about 1.3 % off for one standard error, exact for small counts.
_LOG_REGISTERS = 12
# The library takes one text at a time, so of columns with more distinct texts than this only every eighth text is given
# to it, chosen by hash. The finer sketch of those makes up for what the choice itself is off: together about 1.6 %.
_MANY = 2**15
_SHARE = 8
_LOG_REGISTERS_OF_SHARE = 14


class DistinctCount:
    def __init__(self) -> None:
        import datasketches  # type: ignore[import-untyped, unused-ignore]

        self._all: Any = datasketches.hll_sketch(_LOG_REGISTERS)
        self._eighth: Any = datasketches.hll_sketch(_LOG_REGISTERS_OF_SHARE)
        self._is_many = False

    def update(self, texts: Any) -> None:
        """`texts`: a polars Series of String without nulls, or the texts of a data set too small to have many."""
        if isinstance(texts, list):
            self._add(sorted(set(texts)))
            return
        # A text has the same hash in every block of a run; another release of polars may hash otherwise.
        hashes = texts.hash().to_numpy()
        add = self._eighth.update
        for chosen in hashes[(hashes & (_SHARE - 1)) == 0].view(np.int64).tolist():
            add(chosen)
        if not self._is_many:
            self._add(texts.unique().sort().to_list())
            self._is_many = self._all.get_estimate() > _MANY

    def _add(self, ordered: list[str]) -> None:
        """Add texts in their order, because the estimate depends slightly on it."""
        add = self._all.update
        for text in ordered:
            add(text)

    @property
    def estimate(self) -> float:
        return float(round(self._eighth.get_estimate() * _SHARE if self._is_many else self._all.get_estimate()))
