"""Two populations on one axis: what is the same looks the same, whatever buckets it was counted in."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from harness.report import distributions
from harness.report.distributions import HistogramBin, common_edges, histogram, shares
from harness.report.monitoring import feature_rows


def ten(low: float, high: float, values: list[float]) -> list[HistogramBin]:
    """As Model Monitor counts them: ten equal buckets, the last with its upper end."""
    width = (high - low) / 10
    edges = [low + width * at for at in range(11)]
    counts = [
        sum(left <= value < right or (at == 9 and value == high) for value in values)
        for at, (left, right) in enumerate(pairwise(edges))
    ]
    return [HistogramBin(edges[at], edges[at + 1], count) for at, count in enumerate(counts)]


def test_whole_numbers_fall_into_bins_of_their_own() -> None:
    found, expected = ten(1, 3, [1.0] * 30 + [2.0] * 60 + [3.0] * 10), ten(0, 3, [1.0] * 30 + [2.0] * 60 + [3.0] * 10)
    edges, whole = common_edges([found, expected], integral=True)
    assert (edges, whole) == ([-0.5, 0.5, 1.5, 2.5, 3.5], True)
    assert shares(found, edges, whole=True) == pytest.approx([0, 0.3, 0.6, 0.1])
    assert shares(expected, edges, whole=True) == pytest.approx([0, 0.3, 0.6, 0.1])


def test_bins_are_as_coarse_as_the_coarser_population() -> None:
    """A long tail in one of them only: the bulk of both is the same, and looks it."""
    values = [float(at % 100) for at in range(1000)]
    found, expected = ten(0, 100, values), ten(0, 1000, [*values, 1000.0])
    edges, whole = common_edges([found, expected], integral=False)
    assert not whole
    assert edges[1] - edges[0] == pytest.approx(100.0)
    assert shares(found, edges)[0] == pytest.approx(shares(expected, edges)[0], abs=0.002)


def test_populations_far_apart_need_no_thousands_of_bins() -> None:
    edges, _ = common_edges([ten(0, 1, [0.5]), ten(1e6, 1e6 + 1, [1e6])], integral=False)
    assert len(edges) == distributions.MOST_BINS + 1
    assert (edges[0], edges[-1]) == (0, pytest.approx(1e6 + 1))


@pytest.mark.parametrize("integral", [True, False])
def test_a_constant_is_drawn(integral: bool) -> None:
    drawn = distributions.draw_histogram(
        [HistogramBin(5.0, 5.0, 40.0)], [HistogramBin(5.0, 5.0, 90.0)], "x", integral=integral
    )
    assert drawn.count("<polygon") == 2


def test_an_outlier_does_not_flatten_the_picture() -> None:
    values = [float(at % 10) for at in range(10_000)]
    buckets = [
        *ten(0, 10, values),
        *[HistogramBin(10.0 * at, 10.0 * at + 10, 0.0) for at in range(1, 5)],
        HistogramBin(50, 60, 1),
    ]
    drawn = distributions.draw_histogram(buckets, [], "x")
    assert re.findall(r">([\d.k]+)</text>", drawn) == ["0", "12"]


def test_nothing_is_drawn_of_nothing() -> None:
    assert distributions.draw_histogram([], [], "x") == ""
    assert distributions.draw_categories({}, {}, "x") == ""
    assert distributions.draw_scores([], {"a": []}, "score") == ""
    assert histogram([float("nan")]) == ([], [])


def test_categories_are_paired_and_escaped() -> None:
    drawn = distributions.draw_categories({"<b>": 3, "y": 1}, {"<b>": 1, "z": 1}, "x")
    assert drawn.count("<rect") == 6
    assert "&lt;b&gt;: 75.0% (current)" in drawn
    assert "<b>" not in drawn


def test_a_histogram_counts_every_finite_value() -> None:
    edges, counts = histogram([0.0, 0.5, 1.0, float("inf")], bins=2)
    assert (edges, counts) == ([0.0, 0.5, 1.0], [1, 2])


def test_drift_is_read_from_the_monitors_own_words() -> None:
    found = {"feature_name": "AGE", "constraint_check_type": "baseline_drift_check"}
    told = "Baseline drift distance: 0.5146 exceeds threshold: 0.1"
    (row,) = feature_rows({"violations": {"violations": [{**found, "description": told}]}})
    assert row.drift is not None
    assert (row.drift.measure, row.drift.value, row.drift.threshold) == ("distance", 0.5146, 0.1)
    (row,) = feature_rows({"violations": {"violations": [{**found, "description": "it moved"}]}})
    assert row.drift is None
