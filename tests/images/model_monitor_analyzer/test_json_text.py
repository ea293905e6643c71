"""JSON as the JVM mapper prints it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from monitor_analyzer.json_text import java_double, pretty

pytestmark = pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")


def test_layout() -> None:
    value = {"a": 0.0, "b": [{"c": 1, "d": []}, {"e": {}}], "f": [np.array([1.0, 2.5]), np.array([])], "g": None}
    assert pretty(value) == (
        '{\n  "a" : 0.0,\n  "b" : [ {\n    "c" : 1,\n    "d" : [ ]\n  }, {\n    "e" : { }\n  } ],\n'
        '  "f" : [ [ 1.0, 2.5 ], [ ] ],\n  "g" : null\n}'
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0.0"),
        (100.0, "100.0"),
        (99.64592817400101, "99.64592817400101"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (12345678.5, "1.23456785E7"),
        (-123456789012345680.0, "-1.2345678901234568E17"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (-1e-05, "-1.0E-5"),
        (1.5e300, "1.5E300"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
    ],
)
def test_doubles_as_java_prints_them(value: float, text: str) -> None:
    assert java_double(value) == text


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False)))
def test_doubles_survive_reading(values: list[float]) -> None:
    assert json.loads(pretty(np.array(values, dtype=float))) == values
    assert [json.loads(java_double(value)) for value in values] == values
