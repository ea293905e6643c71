from __future__ import annotations

import re

import pytest

from harness.report import plots


def points(drawn: str) -> list[tuple[float, float]]:
    found = re.search(r'points="([^"]*)"', drawn)
    assert found
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found[1].split())]


def test_a_curve_fills_the_frame_from_left_to_right() -> None:
    drawn = points(plots.draw_lines({"auc": [(0, 0.5), (1, 0.6), (2, 1.0)]}, "round", "auc"))
    assert drawn[0][0] == plots.LEFT
    assert drawn[-1][0] == plots.WIDTH - plots.RIGHT
    assert drawn[0][1] > drawn[1][1] > drawn[2][1]
    assert all(plots.TOP <= y <= plots.HEIGHT - plots.BOTTOM for _, y in drawn)


def test_a_roc_curve_goes_from_corner_to_corner() -> None:
    drawn = points(plots.draw_lines({"AUC": [(0, 0), (1, 1)]}, "fpr", "tpr", unit_square=True))
    bottom = float(plots.HEIGHT - plots.BOTTOM)
    assert drawn == [(plots.LEFT, bottom), (plots.WIDTH - plots.RIGHT, plots.TOP)]


@pytest.mark.parametrize("values", [[], [(0, float("nan"))], [(0, float("inf"))]])
def test_nothing_to_draw_is_nothing(values: list[tuple[float, float]]) -> None:
    assert plots.draw_lines({"x": values}, "a", "b") == ""


def test_a_constant_metric_is_drawn() -> None:
    assert len(points(plots.draw_lines({"x": [(0, 5.0), (1, 5.0)]}, "a", "b"))) == 2


def test_thousands_of_points_are_thinned_and_no_peak_is_lost() -> None:
    values = [(float(at), 0.0) for at in range(50_000)]
    values[31_234] = (31_234.0, 9.0)
    values[777] = (777.0, -9.0)
    thinned = plots.thin_out(values)
    assert len(thinned) <= plots.MOST_POINTS
    assert {values[0], values[-1], values[777], values[31_234]} <= set(thinned)
    assert sorted(thinned) == list(thinned)
    assert plots.thin_out(values[:10]) == values[:10]


def test_of_too_many_curves_the_rest_is_counted() -> None:
    drawn = plots.draw_lines({f"m{at}": [(0, 0), (1, at)] for at in range(30)}, "round", "m")
    assert drawn.count("<polyline") == plots.MOST_CURVES
    assert "and 18 more in report.json" in drawn


def test_a_spark_marks_the_last_value() -> None:
    drawn = plots.draw_sparkline([1.0, 3.0, 2.0])
    assert len(points(drawn)) == 3
    assert points(drawn)[1][1] < points(drawn)[2][1] < points(drawn)[0][1]
    assert f'cx="{points(drawn)[2][0]}"' in drawn
    assert plots.draw_sparkline([1.0]) == plots.draw_sparkline([]) == ""


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 59, [0, 20, 40]),
        (0.69, 0.78, [0.7, 0.72, 0.74, 0.76, 0.78]),
        (3, 3, [3]),
        (1e-9, 5e-9, [1e-9, 2e-9, 3e-9, 4e-9, 5e-9]),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert plots.ticks(low, high) == pytest.approx(ticks)
