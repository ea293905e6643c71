from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from harness.report import plots


def points(drawn: str) -> list[tuple[float, float]]:
    found = re.search(r'points="([^"]*)"', drawn)
    assert found
    return [(float(x), float(y)) for x, y in (pair.split(",") for pair in found[1].split())]


def test_a_curve_fills_the_frame_from_left_to_right() -> None:
    drawn = points(plots.lines({"auc": [(0, 0.5), (1, 0.6), (2, 1.0)]}, "round", "auc"))
    assert drawn[0][0] == plots.LEFT
    assert drawn[-1][0] == plots.WIDTH - plots.RIGHT
    assert drawn[0][1] > drawn[1][1] > drawn[2][1]
    assert all(plots.TOP <= y <= plots.HEIGHT - plots.BOTTOM for _, y in drawn)


def test_a_roc_curve_goes_from_corner_to_corner() -> None:
    drawn = points(plots.lines({"AUC": [(0, 0), (1, 1)]}, "fpr", "tpr", unit_square=True))
    bottom = float(plots.HEIGHT - plots.BOTTOM)
    assert drawn == [(plots.LEFT, bottom), (plots.WIDTH - plots.RIGHT, plots.TOP)]


@pytest.mark.parametrize("values", [[], [(0, float("nan"))], [(0, float("inf"))]])
def test_nothing_to_draw_is_nothing(values: list[tuple[float, float]]) -> None:
    assert plots.lines({"x": values}, "a", "b") == ""
    assert plots.timeline([]) == ""


def test_a_constant_metric_is_drawn() -> None:
    assert len(points(plots.lines({"x": [(0, 5.0), (1, 5.0)]}, "a", "b"))) == 2


def test_bars_stand_where_and_as_long_as_the_work_was() -> None:
    drawn = plots.timeline(
        [("all", 0.0, 10.0, "passed"), ("half <&>", 5.0, 10.0, "job"), ("blink", 0.0, 0.0, "failed")]
    )
    bars = [rect.attrib for rect in ET.fromstring(drawn).iter("rect")]
    whole, half, blink = ((float(bar["x"]), float(bar["width"])) for bar in bars)
    assert half[0] == pytest.approx(whole[0] + whole[1] / 2, abs=0.2)
    assert half[1] == pytest.approx(whole[1] / 2, abs=0.2)
    assert blink[1] == 2.0
    assert bars[2]["class"] == "bar failed"


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [
        (0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        (0, 59, [0, 20, 40]),
        (0.69, 0.78, [0.7, 0.72, 0.74, 0.76, 0.78]),
        (3, 3, [3]),
    ],
)
def test_ticks_are_round(low: float, high: float, ticks: list[float]) -> None:
    assert plots._ticks(low, high) == pytest.approx(ticks)
