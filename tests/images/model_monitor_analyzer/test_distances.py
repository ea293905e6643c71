"""Distances between distributions, on numbers worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from monitor_analyzer.distances import categorical_distance, chi_squared_p_value, numerical_distance
from monitor_analyzer.kll import KllSketch, Ranks
from scipy import stats

pytestmark = pytest.mark.provenance("documented", source="source code: awslabs/deequ")


def test_numerical_distance_is_the_largest_gap_of_the_cdfs() -> None:
    first, second = Ranks([[1.0, 2.0, 3.0, 4.0]]), Ranks([[3.0, 4.0, 5.0, 6.0]])
    assert numerical_distance(first, second, robust=False) == 0.5
    assert numerical_distance(first, first, robust=False) == 0.0


def test_robust_takes_off_what_small_samples_differ_by() -> None:
    first, second = Ranks([[0.0] * 100]), Ranks([[1.0] * 400])
    expected = 1.0 - 1.8 * math.sqrt(500 / 40_000)
    assert numerical_distance(first, second, robust=True) == pytest.approx(expected)
    few = Ranks([[0.0, 1.0]])
    assert numerical_distance(first, few, robust=True) == 0.0


def test_numerical_distance_of_sketches_is_the_ks_statistic() -> None:
    rng = np.random.default_rng(4)
    samples = rng.normal(size=50_000), rng.normal(0.3, 1.2, size=30_000)
    sketches = [KllSketch(), KllSketch()]
    for sketch, sample in zip(sketches, samples, strict=True):
        sketch.update(sample)
    distance = numerical_distance(*(Ranks(sketch.buffers()) for sketch in sketches), robust=False)
    assert distance == pytest.approx(stats.ks_2samp(*samples).statistic, abs=0.003)


def test_categorical_distance() -> None:
    first, second = {"a": 50.0, "b": 50.0}, {"a": 80.0, "c": 20.0}
    assert categorical_distance(first, second, robust=False) == pytest.approx(0.5)
    assert categorical_distance(first, second, robust=True) == pytest.approx(0.5 - 1.8 * math.sqrt(200 / 10_000))


def test_chi_squared_is_the_test_on_shares() -> None:
    baseline, current = {"a": 500.0, "b": 300.0, "c": 200.0}, {"a": 60.0, "b": 25.0, "c": 15.0}
    expected = stats.chisquare([60, 25, 15], [50, 30, 20]).pvalue
    assert chi_squared_p_value(baseline, current) == pytest.approx(expected)
    # A value the baseline does not know takes no part.
    assert chi_squared_p_value(baseline, {**current, "new": 99.0}) == pytest.approx(expected)


def test_chi_squared_merges_small_categories() -> None:
    baseline, current = {"a": 500.0, "b": 480.0, "c": 12.0, "d": 8.0}, {"a": 60.0, "b": 38.0, "c": 1.0, "d": 1.0}
    # Expected 50, 48, 1.2, 0.8: d goes into c, then that into b; two categories of at least 10 remain.
    expected = stats.chisquare([60, 40], [50, 50]).pvalue
    assert chi_squared_p_value(baseline, current) == pytest.approx(expected)


def test_chi_squared_needs_two_large_categories() -> None:
    assert math.isnan(chi_squared_p_value({"a": 99.0, "b": 1.0}, {"a": 10.0}))
    assert math.isnan(chi_squared_p_value({"a": 50.0, "b": 50.0}, {"z": 10.0}))
