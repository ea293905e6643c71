"""The quantile sketch of statistics.json: Deequ's KLL rules, fed by blocks, equal to feeding one value at a time.

Nothing random: the same values in the same order give the same buffers, whatever the block size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

SKETCH_SIZE = 2048
SHRINKING_FACTOR = 0.64

Doubles = Any  # numpy.ndarray of float64; older numpy has no typed arrays


class _Level:
    """One compactor: a buffer whose items weigh 2**height each."""

    def __init__(self, room: int) -> None:
        self.items = np.empty(room, dtype=np.float64)
        self.length = 0
        self.compactions = 0
        self.offset = 0

    def append(self, values: Doubles) -> None:
        end = self.length + len(values)
        if end > len(self.items):
            self.items = np.concatenate([self.items, np.empty(max(end, len(self.items)), dtype=np.float64)])
        self.items[self.length : end] = values
        self.length = end

    def compact(self) -> Doubles:
        """Every second of the sorted items; an odd last one stays behind."""
        even = self.length - self.length % 2
        if self.compactions % 2 == 1:
            self.offset = 1 - self.offset
        self.compactions += 1
        ordered = self.items[:even]
        ordered.sort()
        kept = ordered[self.offset :: 2].copy()
        if self.length > even:
            self.items[0] = self.items[even]
        self.length -= even
        return kept


class KllSketch:
    def __init__(self, sketch_size: int = SKETCH_SIZE, shrinking_factor: float = SHRINKING_FACTOR) -> None:
        self.sketch_size = sketch_size
        self.shrinking_factor = shrinking_factor
        self._levels: list[_Level] = []
        self._capacities: list[int] = []
        self._size = 0
        self._room = 0
        self._expand()

    def update(self, values: Doubles) -> None:
        # One at a time a value is added and, once the buffers are over their room, one level is compacted. So up to
        # the value that goes over, any number can be added in one stroke.
        start, end = 0, len(values)
        while start < end:
            stop = min(end, start + self._room + 1 - self._size)
            self._levels[0].append(values[start:stop])
            self._size += stop - start
            start = stop
            if self._size > self._room:
                self._condense()

    def merge(self, other: KllSketch) -> None:
        while len(self._levels) < len(other._levels):
            self._expand()
        for height, level in enumerate(other._levels):
            self._levels[height].append(level.items[: level.length])
        self._size += other._size
        while self._size >= self._room:
            self._condense()

    def buffers(self) -> list[Doubles]:
        return [level.items[: level.length].copy() for level in self._levels]

    def _expand(self) -> None:
        height = len(self._levels)
        capacity = 2 * (math.ceil(self.sketch_size * self.shrinking_factor**height / 2) + 1)
        # A level can hold more than its capacity while the others are below theirs.
        self._levels.append(_Level(2 * capacity))
        self._capacities.append(capacity)
        self._room += capacity

    def _condense(self) -> None:
        height = 0
        while self._levels[height].length < self._capacities[height]:
            height += 1
        if height + 1 == len(self._levels):
            self._expand()
        kept = self._levels[height].compact()
        self._levels[height + 1].append(kept)
        self._size -= len(kept)


class Ranks:
    """Weighted ranks of a sketch's buffers; read from a live sketch or from a stored statistics.json."""

    def __init__(self, buffers: Sequence[Sequence[float]]) -> None:
        arrays = [np.asarray(buffer, dtype=np.float64) for buffer in buffers]
        values = np.concatenate(arrays) if arrays else np.empty(0)
        weights = np.repeat([float(2**h) for h in range(len(arrays))], [len(a) for a in arrays])
        order = np.argsort(values, kind="stable")
        self.values = values[order]
        self._cumulated = np.concatenate([[0.0], np.cumsum(weights[order])])

    @property
    def total(self) -> float:
        return float(self._cumulated[-1])

    def inclusive(self, values: Any) -> Any:
        return self._cumulated[np.searchsorted(self.values, values, side="right")]

    def exclusive(self, values: Any) -> Any:
        return self._cumulated[np.searchsorted(self.values, values, side="left")]
