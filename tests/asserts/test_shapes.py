"""Shapes: which values fit, and where the others do not."""

from __future__ import annotations

from typing import Any

import pytest

from harness.asserts.shapes import decode, misfits, numbers_of

ANSWER = {"predictions": [{"score": 0.25, "label": "a"}, {"score": 1, "label": "b"}], "model": "m"}


@pytest.mark.parametrize(
    "shape",
    [
        dict,
        {"model": str},
        {"model": "m"},
        {"predictions": list},
        {"predictions": [{"score": float}]},
        {"predictions": [{"score": (0, 1), "label": str}]},
        {"predictions": [{"score": 0.25}, {"score": int}]},
        {"model": str.islower},
    ],
)
def test_what_fits(shape: Any) -> None:
    assert list(misfits(ANSWER, shape)) == []


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        (list, "not of type list"),
        ({"other": str}, "answer has no 'other'; it has 'predictions', 'model'"),
        ({"predictions": [{"score": (0, 0.5)}]}, "answer.predictions[1].score is 1, not a number between 0 and 0.5"),
        ({"predictions": [{"label": float}]}, "answer.predictions[0].label is 'a', not of type float"),
        ({"predictions": [dict, dict, dict]}, "answer.predictions has 2 elements, not 3"),
        ({"model": [str]}, "answer.model is 'm', not a list"),
        ({"model": {"name": str}}, "answer.model is 'm', not an object with name"),
        ({"model": "n"}, "answer.model is 'm', not 'n'"),
        ({"model": str.isupper}, "answer.model is 'm', which isupper does not accept"),
    ],
)
def test_what_does_not(shape: Any, told: str) -> None:
    assert told in next(misfits(ANSWER, shape))


def test_true_is_no_number() -> None:
    assert list(misfits(True, float))
    assert list(misfits(True, (0, 1)))
    assert not list(misfits(True, bool))


def test_bodies_are_decoded_by_their_type() -> None:
    assert decode(b"1,a\n\n0.5,b\n", "text/csv; charset=utf-8") == [[1.0, "a"], [0.5, "b"]]
    assert decode(b'{"a": [1]}', "application/json") == {"a": [1]}
    assert decode(b'{"a": 1}\n{"a": 2}\n', "application/jsonlines") == [{"a": 1}, {"a": 2}]
    assert decode(b"hello", "text/plain") == "hello"
    with pytest.raises(ValueError):
        decode(b"{", "application/json")


def test_numbers_come_in_order_of_appearance() -> None:
    assert numbers_of({"a": [1, {"b": 2.5}], "c": "3", "d": True}) == [1.0, 2.5]
