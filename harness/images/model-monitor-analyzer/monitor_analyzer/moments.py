"""Count, sum, mean, population deviation and extremes of a stream of numbers, block by block."""

from __future__ import annotations

import math
from typing import Any

import numpy as np


class Moments:
    def __init__(self) -> None:
        self.count = 0
        self.sum: Any = 0
        self.min = math.inf
        self.max = -math.inf
        self._mean = 0.0
        self._squares = 0.0

    def update(self, values: Any, doubles: Any) -> None:
        """`values` may be integers (summed exactly); `doubles` are the same numbers as float64."""
        count = len(values)
        if not count:
            return
        lowest, highest = float(doubles.min()), float(doubles.max())
        self.min, self.max = min(self.min, lowest), max(self.max, highest)
        exact = values.dtype.kind == "i" and max(abs(lowest), abs(highest)) * count < 2**62
        block_sum = int(values.sum()) if exact else float(doubles.sum())
        mean = block_sum / count
        deviations = doubles - mean
        # Blocks are joined by Chan's rule: summing squares directly would lose the deviation of large values.
        delta = mean - self._mean
        total = self.count + count
        # Not np.dot: its threads wait for each other by spinning, which costs seconds on a busy machine.
        self._squares += float(np.square(deviations, out=deviations).sum())
        self._squares += delta * delta * self.count * count / total
        self._mean += delta * count / total
        self.sum += block_sum
        self.count = total

    @property
    def mean(self) -> float:
        return float(self.sum / self.count)

    @property
    def std_dev(self) -> float:
        return math.sqrt(max(self._squares, 0.0) / self.count)
