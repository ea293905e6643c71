"""Type inference from the text of cells."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitor_analyzer.cells import CellCounts, Classified, classify

pytestmark = pytest.mark.provenance("documented", source="source code: awslabs/deequ")


KINDS = {
    "integral": re.compile(r"[-+]? ?[0-9]+"),
    "fractional": re.compile(r"[-+]? ?([0-9]+\.[0-9]*|\.[0-9]+)"),
    "boolean": re.compile(r"true|false"),
}


def classified(texts: list[str], **options: bool) -> Classified:
    return classify(pl.DataFrame({"x": pl.Series(texts, dtype=pl.String)}), **options)["x"]


def kind_of(text: str) -> str:
    return next((kind for kind, pattern in KINDS.items() if pattern.fullmatch(text)), "string")


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("0", "integral"),
        ("-7", "integral"),
        ("+7", "integral"),
        (" 7", "integral"),
        ("- 7", "integral"),
        ("007", "integral"),
        ("123456789012345678901234567890", "integral"),
        ("0.0", "fractional"),
        (".5", "fractional"),
        ("5.", "fractional"),
        ("-0.5", "fractional"),
        ("true", "boolean"),
        ("false", "boolean"),
        ("True", "string"),
        ("1e-05", "string"),
        ("1E5", "string"),
        ("NaN", "string"),
        ("nan", "string"),
        ("inf", "string"),
        ("null", "string"),
        ("  7", "string"),
        ("7 ", "string"),
        ("-", "string"),
        (".", "string"),
        ("1,5", "string"),
        ("1_000", "string"),
        ("0x1F", "string"),
        ("٣", "string"),
        ("--1", "string"),
        ("1.2.3", "string"),
    ],
)
def test_one_cell(text: str, kind: str) -> None:
    counts, numbers = classified([text])
    assert counts == CellCounts(**{kind: 1})
    assert len(numbers) == (kind in ("integral", "fractional"))


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(alphabet="019.-+ eEtrufals", min_size=1, max_size=6), max_size=30))
def test_counts_are_those_of_the_rules(texts: list[str]) -> None:
    counts, numbers = classified(texts)
    kinds = [kind_of(text) for text in texts]
    assert counts == CellCounts(*(kinds.count(kind) for kind in ("integral", "fractional", "boolean", "string")))
    wanted = [float(t.replace(" ", "")) for t, kind in zip(texts, kinds, strict=True) if kind[0] in "if"]
    assert numbers.tolist() == wanted


def test_exponent_notation_as_newer_rules_have_it() -> None:
    counts, numbers = classified(["1e-05", "2.5E3", "1", ".5e1"], exponent_is_fractional=True)
    assert counts == CellCounts(integral=1, fractional=2, string=1)
    assert numbers.tolist() == [1e-05, 2500.0, 1.0]


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        (CellCounts(), "Unknown"),
        (CellCounts(integral=3), "Integral"),
        (CellCounts(integral=3, fractional=1), "Fractional"),
        (CellCounts(boolean=2), "String"),
        (CellCounts(integral=3, boolean=1), "String"),
        (CellCounts(integral=24_000, string=1), "String"),
    ],
)
def test_column_type(counts: CellCounts, expected: str) -> None:
    assert counts.column_type == expected
