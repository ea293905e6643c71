from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.hosting.traffic import choose_instance, choose_variant

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Test models in production")


DRAWS = st.floats(0, 1, exclude_max=True)


@dataclass
class Instance:
    name: str
    outstanding: int = 0


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 1e6), min_size=1), DRAWS)
def test_a_variant_without_weight_is_never_chosen(weights: dict[str, float], draw: float) -> None:
    chosen = choose_variant(weights, draw)
    assert (chosen is None) == (sum(weights.values()) <= 0)
    assert chosen is None or weights[chosen] > 0


def test_shares_are_those_of_the_weights() -> None:
    weights = {"a": 2.0, "none": 0.0, "b": 0.5}
    found = Counter(choose_variant(weights, number / 1000) for number in range(1000))
    assert found == {"a": 800, "b": 200}


@given(st.integers(1, 9), DRAWS)
def test_any_instance_may_answer(count: int, draw: float) -> None:
    instances = [Instance(str(number), number) for number in range(count)]
    assert choose_instance(instances, draw) in instances
    assert choose_instance(instances, draw, least_outstanding=True) is instances[0]


@pytest.mark.parametrize(("draw", "chosen"), [(0.0, "b"), (0.49, "b"), (0.5, "d"), (0.99, "d")])
def test_among_equally_busy_instances_chance_decides(draw: float, chosen: str) -> None:
    instances = [Instance("a", 3), Instance("b", 1), Instance("c", 2), Instance("d", 1)]
    assert choose_instance(instances, draw, least_outstanding=True).name == chosen
