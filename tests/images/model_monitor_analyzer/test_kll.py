"""The quantile sketch: equal to adding one value at a time, ranks as good as those of a well-kept library."""

from __future__ import annotations

import math

import datasketches
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor_analyzer.kll import KllSketch, Ranks

pytestmark = pytest.mark.provenance("documented", source="source code: awslabs/deequ")


class OneByOne:
    """The published algorithm, word for word and slow."""

    def __init__(self, size: int, factor: float) -> None:
        self.size, self.factor = size, factor
        self.levels: list[list[float]] = [[]]
        self.compactions, self.offsets = [0], [0]

    def capacity(self, height: int) -> int:
        return 2 * (math.ceil(self.size * self.factor**height / 2) + 1)

    def add(self, value: float) -> None:
        self.levels[0].append(value)
        if sum(map(len, self.levels)) > sum(map(self.capacity, range(len(self.levels)))):
            self.condense()

    def merge(self, other: OneByOne) -> None:
        for height, level in enumerate(other.levels):
            if height == len(self.levels):
                self.levels.append([])
                self.compactions.append(0)
                self.offsets.append(0)
            self.levels[height] += level
        while sum(map(len, self.levels)) >= sum(map(self.capacity, range(len(self.levels)))):
            self.condense()

    def condense(self) -> None:
        for height, level in enumerate(self.levels):
            if len(level) >= self.capacity(height):
                if height + 1 == len(self.levels):
                    self.levels.append([])
                    self.compactions.append(0)
                    self.offsets.append(0)
                if self.compactions[height] % 2 == 1:
                    self.offsets[height] = 1 - self.offsets[height]
                self.compactions[height] += 1
                even = len(level) // 2 * 2
                self.levels[height + 1] += sorted(level[:even])[self.offsets[height] :: 2]
                self.levels[height] = level[even:]
                return


def sketch_of(values: np.ndarray, pieces: int = 1) -> KllSketch:
    sketch = KllSketch()
    for piece in np.array_split(values, pieces):
        sketch.update(piece)
    return sketch


def buffers(sketch: KllSketch) -> list[list[float]]:
    return [buffer.tolist() for buffer in sketch.buffers()]


def test_few_values_stay_in_arrival_order() -> None:
    assert buffers(sketch_of(np.array([3.0, 1.0, 2.0]))) == [[3.0, 1.0, 2.0]]


def test_first_compaction_comes_with_the_value_after_2050() -> None:
    values = np.arange(2051.0)
    assert len(buffers(sketch_of(values[:2050]))) == 1
    # 2051 values: the odd last one stays, every second of the others moves up.
    assert buffers(sketch_of(values)) == [[2050.0], values[:2050:2].tolist()]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(-50, 50), max_size=600),
    st.sampled_from([8, 20, 64]),
    st.lists(st.integers(0, 600), max_size=5),
)
def test_blocks_equal_one_value_at_a_time(values: list[int], size: int, cuts: list[int]) -> None:
    slow, fast = OneByOne(size, 0.64), KllSketch(size, 0.64)
    for value in values:
        slow.add(float(value))
    for piece in np.split(np.array(values, dtype=float), sorted(min(cut, len(values)) for cut in cuts)):
        fast.update(piece)
    assert buffers(fast) == slow.levels


def test_blocks_equal_one_value_at_a_time_at_the_real_size() -> None:
    values = np.random.default_rng(1).normal(size=60_000)
    slow = OneByOne(2048, 0.64)
    for value in values:
        slow.add(float(value))
    assert buffers(sketch_of(values, 7)) == slow.levels


@pytest.mark.parametrize(
    "values",
    [
        np.random.default_rng(2).normal(size=200_000),
        np.random.default_rng(3).integers(0, 7, 200_000).astype(float),
        np.arange(200_000.0),
        np.arange(200_000.0)[::-1],
    ],
    ids=["normal", "few values", "ascending", "descending"],
)
def test_ranks_against_exact_and_datasketches(values: np.ndarray) -> None:
    ranks = Ranks(sketch_of(values).buffers())
    library = datasketches.kll_doubles_sketch(2048)
    library.update(values)
    assert ranks.total == len(values)
    ordered = np.sort(values)
    for point in np.quantile(values, np.linspace(0, 1, 41)):
        exact = np.searchsorted(ordered, point, side="right") / len(values)
        ours = ranks.inclusive(point) / ranks.total
        assert ours == pytest.approx(exact, abs=0.002)
        assert ours == pytest.approx(library.get_rank(point, True), abs=0.002 + library.normalized_rank_error(False))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 400), st.integers(50, 400))
def test_merge_joins_levels_and_compacts(seed: int, first: int, second: int) -> None:
    samples = np.split(np.random.default_rng(seed).integers(-50, 50, first + second), [first])
    slow, fast = [OneByOne(20, 0.64), OneByOne(20, 0.64)], [KllSketch(20, 0.64), KllSketch(20, 0.64)]
    for values, one, sketch in zip(samples, slow, fast, strict=True):
        for value in values:
            one.add(float(value))
        sketch.update(np.array(values, dtype=float))
    slow[0].merge(slow[1])
    fast[0].merge(fast[1])
    assert buffers(fast[0]) == slow[0].levels


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 30_000), st.integers(0, 30_000))
def test_merge_keeps_weight_and_ranks(seed: int, first: int, second: int) -> None:
    values = np.random.default_rng(seed).exponential(size=first + second)
    sketch = sketch_of(values[:first])
    sketch.merge(sketch_of(values[first:]))
    ranks = Ranks(sketch.buffers())
    assert ranks.total == len(values)
    for point in np.quantile(values, [0.05, 0.5, 0.95]):
        assert ranks.inclusive(point) / ranks.total == pytest.approx(np.mean(values <= point), abs=0.005)


def test_exclusive_and_inclusive_ranks_count_repeated_values() -> None:
    ranks = Ranks([[1.0, 2.0, 2.0], [2.0, 5.0]])
    assert [float(ranks.exclusive(2.0)), float(ranks.inclusive(2.0))] == [1.0, 5.0]
    assert ranks.total == 7.0
