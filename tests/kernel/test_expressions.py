"""Expressions and patterns of users: what they find, and that none stops the emulator."""

from __future__ import annotations

import time

import pytest

from harness.kernel import expressions
from harness.kernel.wildcards import matches


def test_the_first_group_of_each_text_that_is_found() -> None:
    found = expressions.search([r"loss=([\d.]+)", "x", r"é(\ud800)?"], ["loss=1", "none", "x loss=2", "é"])
    assert found == [{0: "1", 2: "2"}, {2: None}, {3: None}]
    assert expressions.search([], ["a"]) == []


def test_an_expression_that_takes_for_ever_ends_and_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "SECONDS", 1)
    texts = ["a" * 60 + "b", "b"]
    assert expressions.search(["b", "(a+)+$", "^b"], texts) == [{0: None, 1: None}, None, {1: None}]


@pytest.mark.parametrize(
    ("pattern", "text", "one", "expected"),
    [
        ("*", "", "?", True),
        ("a?c", "abc", "?", True),
        ("a?c", "abc", "", False),
        ("a?c*", "a?c\nd", "", True),
        ("a[b]", "a[b]", "?", True),
        ("a[!b]", "ac", "?", False),
        ("http://*.example", "http://a.example", "", True),
        ("*a" * 30 + "b", "a" * 2000, "?", False),
    ],
)
def test_wildcards(pattern: str, text: str, one: str, expected: bool) -> None:
    began = time.process_time()
    assert matches(pattern, text, one=one) is expected
    assert time.process_time() - began < 1
