"""Types of cells by Deequ's rules, and the column type that follows from their counts."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

import numpy as np

INTEGRAL, FRACTIONAL, STRING, UNKNOWN = "Integral", "Fractional", "String", "Unknown"

# Patterns of a whole cell, in the syntax that the regular expressions of Python and of polars share.
_INTEGRAL = r"[-+]? ?[0-9]+"
_FRACTIONAL = r"[-+]? ?(?:[0-9]+\.[0-9]*|\.[0-9]+)"
# Newer Deequ; the service reads a cell in exponent notation as text.
_EXPONENT = r"[-+]? ?[0-9]+(?:\.[0-9]+)?[eE][-+]?[0-9]+"
_BOOLEANS = ("true", "false")
# A column of these characters in which every cell parses as a number needs no patterns: dots alone decide.
_PLAIN = "-+.0123456789"
# A cell that is a number sorts before this, as every character it can begin with does.
_AFTER_NUMBERS = ":"
_START = 100


class CellCounts(NamedTuple):
    integral: int = 0
    fractional: int = 0
    boolean: int = 0
    string: int = 0

    @property
    def present(self) -> int:
        return sum(self)

    @property
    def textual(self) -> int:
        return self.boolean + self.string

    def plus(self, other: CellCounts) -> CellCounts:
        return CellCounts(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))

    @property
    def column_type(self) -> str:
        if not self.present:
            return UNKNOWN
        if self.textual:
            return STRING
        return FRACTIONAL if self.fractional else INTEGRAL

    def matching(self, expected: str) -> int:
        """How many cells a column of the expected type would accept."""
        if expected == INTEGRAL:
            return self.integral
        if expected == FRACTIONAL:
            return self.integral + self.fractional
        # One text makes a column String, and in a String column every cell is text.
        return self.present if self.column_type == STRING else 0


class Classified(NamedTuple):
    counts: CellCounts
    numbers: Any  # float64 array of the numeric cells, in order


def classify(texts: Any, exponent_is_fractional: bool = False) -> dict[str, Classified]:
    """`texts`: a polars frame of String columns whose nulls are the missing cells; all columns at once, in parallel."""
    import polars as pl

    maybe = _columns_where((pl.all() < _AFTER_NUMBERS).any(), texts)
    strange = pl.all().str.contains(f"[^{_PLAIN}]").any()
    digital = texts.select(maybe)
    # Most columns that are strange are so from the start.
    digital = digital.drop(_columns_where(strange, digital.head(_START)))
    plain = _classify_plain(digital.drop(_columns_where(strange, digital)))
    others = texts.drop(list(plain))
    suspects = [name for name in others.columns if name in set(maybe)]
    return {**plain, **_classify_each(others, suspects, exponent_is_fractional)}


def classify_list(present: list[str], exponent_is_fractional: bool = False) -> Classified:
    """The same for the texts of one column without polars."""
    joined = "".join(present)
    if joined.isascii() and not joined.encode().translate(None, _PLAIN.encode()):
        try:
            numbers = np.array(list(map(float, present)), dtype=np.float64)
        except ValueError:
            pass
        else:
            dots = joined.count(".")
            return Classified(CellCounts(integral=len(present) - dots, fractional=dots), numbers)
    numeric = list(filter(re.compile(_numeric(exponent_is_fractional)).fullmatch, present))
    integral = sum(map(bool, map(re.compile(_INTEGRAL).fullmatch, numeric)))
    boolean = sum(map(present.count, _BOOLEANS))
    counts = CellCounts(integral, len(numeric) - integral, boolean, len(present) - len(numeric) - boolean)
    return Classified(counts, np.array([float(text.replace(" ", "")) for text in numeric], dtype=np.float64))


def _numeric(exponent_is_fractional: bool) -> str:
    return "|".join([_INTEGRAL, _FRACTIONAL, *([_EXPONENT] if exponent_is_fractional else [])])


def _columns_where(condition: Any, texts: Any) -> list[str]:
    answers = texts.select(condition)
    return [name for name in answers.columns if answers.get_column(name).item()]


def _classify_plain(texts: Any) -> dict[str, Classified]:
    """Classify the columns in which every cell parses."""
    import polars as pl

    numbers = texts.select(pl.all().cast(pl.Float64, strict=False))
    dotted = texts.select(pl.all().str.contains(".", literal=True).sum())
    classified = {}
    for name in texts.columns:
        parsed, missing = numbers.get_column(name), texts.get_column(name).null_count()
        if parsed.null_count() == missing:
            dots = dotted.get_column(name).item()
            counts = CellCounts(integral=len(parsed) - missing - dots, fractional=dots)
            classified[name] = Classified(counts, parsed.drop_nulls().to_numpy())
    return classified


def _classify_each(texts: Any, suspects: list[str], exponent_is_fractional: bool) -> dict[str, Classified]:
    """`suspects`: the columns in which a cell could be a number."""
    import polars as pl

    booleans = texts.select(pl.all().is_in(_BOOLEANS).sum())
    matches = texts.select(pl.col(suspects).str.contains(f"^(?:{_numeric(exponent_is_fractional)})$"))
    classified = {}
    for name in texts.columns:
        column = texts.get_column(name)
        integral, numbers = 0, np.empty(0)
        if name in matches.columns and matches.get_column(name).any():
            numeric = column.filter(matches.get_column(name))
            integral = int(numeric.str.contains(f"^(?:{_INTEGRAL})$").sum())
            numbers = numeric.str.replace(" ", "", literal=True).cast(pl.Float64).to_numpy()
        boolean = booleans.get_column(name).item()
        string = len(column) - column.null_count() - len(numbers) - boolean
        classified[name] = Classified(CellCounts(integral, len(numbers) - integral, boolean, string), numbers)
    return classified
