"""What type the text of a cell has, by Deequ's rules, and the column type that follows from the counts."""

from __future__ import annotations

from typing import Any, NamedTuple

INTEGRAL, FRACTIONAL, STRING, UNKNOWN = "Integral", "Fractional", "String", "Unknown"

_INTEGRAL = r"^[-+]? ?[0-9]+$"
_FRACTIONAL = r"^[-+]? ?([0-9]+\.[0-9]*|\.[0-9]+)$"
# Newer Deequ; the service reads a cell in exponent notation as text.
_EXPONENT = r"^[-+]? ?[0-9]+(\.[0-9]+)?[eE][-+]?[0-9]+$"


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

    if not texts.width:
        return {}
    every = pl.all()
    numbers = texts.select(every.cast(pl.Float64, strict=False))
    strange = texts.select(every.str.contains(r"[^-+.0-9]").any()).row(0)
    dotted = texts.select(every.str.contains(".", literal=True).sum()).row(0)
    classified = {}
    for name, is_strange, dots in zip(texts.columns, strange, dotted, strict=True):
        column, parsed = texts.get_column(name), numbers.get_column(name)
        missing = column.null_count()
        if is_strange or parsed.null_count() > missing:
            classified[name] = _classify_each(column.drop_nulls(), exponent_is_fractional)
        else:
            # Everything parses and only signs, dots and digits occur: a dot alone decides.
            counts = CellCounts(integral=len(column) - missing - dots, fractional=dots)
            classified[name] = Classified(counts, parsed.drop_nulls().to_numpy())
    return classified


def _classify_each(present: Any, exponent_is_fractional: bool) -> Classified:
    import polars as pl

    integral = present.str.contains(_INTEGRAL)
    fractional = present.str.contains(_FRACTIONAL)
    if exponent_is_fractional:
        fractional = fractional | present.str.contains(_EXPONENT)
    boolean = int(present.is_in(["true", "false"]).sum())
    counts = CellCounts(int(integral.sum()), int(fractional.sum()), boolean)
    string = len(present) - counts.present
    numeric = present.filter(integral | fractional).str.replace(" ", "", literal=True)
    return Classified(counts._replace(string=string), numeric.cast(pl.Float64).to_numpy())
