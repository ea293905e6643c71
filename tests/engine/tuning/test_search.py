"""The search of a tuning job and its early stopping, without jobs."""

from __future__ import annotations

from typing import Any

import pytest

from harness.contract.tuning import TuningDefinition
from harness.engine.tuning.early_stopping import is_worse_than_median
from harness.engine.tuning.search import HyperparameterSearch

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Define hyperparameter ranges")


def definition(**ranges: Any) -> TuningDefinition:
    kinds = {f"{kind}ParameterRanges": items for kind, items in ranges.items()}
    return TuningDefinition("", "score", True, kinds, {})


def one(kind: str, low: str, high: str, scaling: str = "Auto") -> TuningDefinition:
    return definition(**{kind: [{"Name": "x", "MinValue": low, "MaxValue": high, "ScalingType": scaling}]})


@pytest.mark.parametrize(
    ("kind", "low", "high", "scaling", "below"),
    [
        ("Integer", "1", "1000", "Linear", 10),
        ("Integer", "1", "1000", "Logarithmic", 40),
        ("Continuous", "1e-6", "1", "Auto", 60),
        ("Continuous", "0", "1", "Auto", 10),
    ],
)
def test_values_lie_in_their_range_and_follow_its_scaling(
    kind: str, low: str, high: str, scaling: str, below: int
) -> None:
    search = HyperparameterSearch(one(kind, low, high, scaling), {"Strategy": "Random", "RandomSeed": 1})
    values = [float((search.ask(str(number)) or {})["x"]) for number in range(200)]
    assert float(low) <= min(values) <= max(values) <= float(high)
    hundredth = float(low) + (float(high) - float(low)) / 50
    assert (sum(value < hundredth for value in values) / 2 >= below) == (below > 10)


def test_reversed_scaling_favours_values_near_the_end() -> None:
    search = HyperparameterSearch(
        one("Continuous", "0", "0.999999", "ReverseLogarithmic"), {"Strategy": "Random", "RandomSeed": 1}
    )
    values = [float((search.ask(str(number)) or {})["x"]) for number in range(100)]
    assert 0 <= min(values) <= max(values) <= 0.999999
    assert sum(value > 0.98 for value in values) > 50


def test_bayesian_values_gather_near_good_results() -> None:
    search = HyperparameterSearch(one("Continuous", "0", "1"), {"Strategy": "Bayesian", "RandomSeed": 3})
    values = []
    for number in range(40):
        asked = search.ask(str(number))
        assert asked is not None
        values.append(float(asked["x"]))
        search.tell(str(number), -abs(values[-1] - 0.8))
    assert sum(abs(value - 0.8) < 0.1 for value in values[-10:]) >= 5


def test_results_of_a_parent_guide_the_search_and_foreign_ones_are_left_out() -> None:
    search = HyperparameterSearch(one("Continuous", "0", "1"), {"Strategy": "Bayesian", "RandomSeed": 3})
    for number in range(40):
        search.add_result({"x": str(number / 40)}, -abs(number / 40 - 0.2))
    search.add_result({"x": "7"}, 100.0)
    search.add_result({"y": "0.5"}, 100.0)
    asked = [float((search.ask(str(number)) or {})["x"]) for number in range(5)]
    assert sum(abs(value - 0.2) < 0.15 for value in asked) >= 3


def test_a_grid_ends() -> None:
    ranges = [{"Name": "a", "Values": ["1", "2"]}, {"Name": "b", "Values": ["x", "y"]}]
    search = HyperparameterSearch(definition(Categorical=ranges), {"Strategy": "Grid"})
    asked = [search.ask(str(number)) for number in range(5)]
    assert asked == [
        {"a": "1", "b": "x"},
        {"a": "1", "b": "y"},
        {"a": "2", "b": "x"},
        {"a": "2", "b": "y"},
        None,
    ]


def test_hyperband_gives_up_bad_jobs() -> None:
    config = {
        "Strategy": "Hyperband",
        "StrategyConfig": {"HyperbandStrategyConfig": {"MinResource": 1, "MaxResource": 9}},
        "RandomSeed": 5,
    }
    search = HyperparameterSearch(one("Continuous", "0", "1"), config)
    stopped = 0
    for number in range(30):
        asked = search.ask(str(number))
        assert asked is not None
        values = [float(asked["x"])] * 9
        epochs = next((epoch for epoch in range(1, 10) if search.should_stop(str(number), values[:epoch])), 9)
        stopped += epochs < 9
        search.tell(str(number), values[0])
    assert 5 < stopped < 30


@pytest.mark.parametrize(
    ("values", "earlier", "maximize", "worse"),
    [
        ([1.0], [[2.0]] * 4, True, True),
        ([1.0], [[2.0]] * 3, True, False),
        ([1.0], [[2.0]] * 4, False, False),
        ([3.0], [[2.0]] * 4, False, True),
        ([9.0, 1.0], [[0.0, 4.0]] * 4, True, True),
        ([9.0, 1.0], [[4.0]] * 9, True, False),
        ([], [[2.0]] * 4, True, False),
    ],
)
def test_the_median_rule(values: list[float], earlier: list[list[float]], maximize: bool, worse: bool) -> None:
    assert is_worse_than_median(values, earlier, maximize) == worse
