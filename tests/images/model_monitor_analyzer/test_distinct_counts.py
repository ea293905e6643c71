"""The approximate number of distinct texts of a column."""

from __future__ import annotations

import polars as pl
import pytest
from monitor_analyzer.categories import HISTOGRAM_LIMIT, Categories


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
