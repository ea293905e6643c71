"""The approximate number of distinct texts, and of distinct numbers, of a column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from monitor_analyzer.categories import HISTOGRAM_LIMIT, Categories
from monitor_analyzer.distinct_numbers import DistinctNumbers

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


def counted(values: int, blocks: int) -> Categories:
    """Every value occurs in two blocks, and twice in one of them."""
    texts = pl.Series("x", [f"value {number}" for number in range(values)])
    categories = Categories(frozenset({"value 1", "other"}))
    step = -(-values // blocks)
    for start in range(0, values, step):
        part = texts.slice(start, step)
        categories.update(pl.concat([part, part]))
    categories.update(texts)
    return categories


@pytest.mark.parametrize("values", [1, HISTOGRAM_LIMIT, HISTOGRAM_LIMIT + 1, 300])
def test_few_are_counted_exactly(values: int) -> None:
    categories = counted(values, 3)
    assert categories.distinct_count == values
    histogram = categories.histogram()
    assert (histogram is None) == (values > HISTOGRAM_LIMIT)
    assert histogram is None or {count for _, count in histogram} == {3}


@pytest.mark.parametrize("values", [5_000, 40_000, 300_000, 2_000_000])
def test_many_are_counted_within_three_standard_errors(values: int) -> None:
    categories = counted(values, 7)
    assert categories.distinct_count == pytest.approx(values, rel=0.05)
    assert categories.count == 3 * values
    assert categories.domain_hits == 3
    assert categories.histogram() is None


@pytest.mark.parametrize("values", [0, 1, 2, 20, 100])
def test_few_numbers_are_counted_exactly(values: int) -> None:
    numbers = DistinctNumbers()
    for _ in range(3):
        numbers.update(np.repeat(np.arange(values) / 4.0, 5))
    assert numbers.estimate == values


@pytest.mark.parametrize("values", [5_000, 40_000, 1_000_000])
@pytest.mark.parametrize("scale", [1.0, 1e-9, -3.7])
def test_many_numbers_are_counted_within_four_standard_errors(values: int, scale: float) -> None:
    numbers = DistinctNumbers()
    for block in np.array_split(np.arange(values) * scale, 9):
        numbers.update(np.concatenate([block, block]))
    assert numbers.estimate == pytest.approx(values, rel=0.035)


def test_both_zeros_are_one_number() -> None:
    numbers = DistinctNumbers()
    numbers.update(np.array([0.0, -0.0]))
    assert numbers.estimate == 1
