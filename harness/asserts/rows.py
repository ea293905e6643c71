"""Property-based tests of endpoints: hypothesis strategies for the rows of a table, and ``given_rows`` to run them.

Rows are lists of text cells, which ``csv_text`` turns into a payload. Cells shrink towards the middle of their range
(whole numbers) or towards zero, so that the smallest failing payload shows which cell matters.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from harness.asserts.schema import Column, Schema

Row = list[str]
_PRINTED = st.characters(min_codepoint=32, max_codepoint=0x2FF)


def csv_text(rows: Sequence[Row]) -> str:
    """Return the rows as CSV without a header, as the built-in algorithms accept it."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue().removesuffix("\n")


def valid_rows(schema: Schema) -> SearchStrategy[Row]:
    """Generate rows like those of the data: within each column's range, with empty cells only in incomplete columns."""
    return _row([_valid(column) for column in schema.columns])


def boundary_rows(schema: Schema) -> SearchStrategy[Row]:
    """Generate rows with every cell at an end of its range, at zero or in the middle."""
    return _row([st.sampled_from(_corners(column)) for column in schema.columns])


def corrupt_rows(schema: Schema) -> SearchStrategy[Row]:
    """Generate rows with one error: text for a number, an empty cell, a cell too many or too few, or a line break."""
    width = len(schema.columns)

    def corrupt(row: Row, at: int, how: str, text: str) -> Row:
        kept = list(row)
        if how == "too many":
            return [*kept, kept[at]]
        if how == "too few" and width > 1:
            return kept[:at] + kept[at + 1 :]
        kept[at] = text
        return kept

    wrong = st.one_of(
        st.tuples(st.just("cell"), st.sampled_from(["", "abc", "1e999", "NaN", "1,5", "1 2", '"', "\n", "\x00"])),
        st.tuples(st.sampled_from(["too many", "too few"]), st.just("")),
    )
    return st.tuples(valid_rows(schema), st.integers(0, width - 1), wrong).map(
        lambda drawn: corrupt(drawn[0], drawn[1], *drawn[2])
    )


def drifted_batches(
    schema: Schema, columns: Sequence[str], size: int = 100, by: float = 1.0
) -> SearchStrategy[list[Row]]:
    """Generate batches in which these numeric columns are shifted upwards by ``by`` times their range."""
    moved = {name: schema.column(name) for name in columns}
    for column in moved.values():
        if column.kind == "String":
            raise ValueError(f"{column.name} is a String column; only numbers drift")
    rows = [_valid(_shift(column, by) if column.name in moved else column) for column in schema.columns]
    return st.lists(_row(rows), min_size=size, max_size=size)


def given_rows(
    rows: SearchStrategy[Any], *, examples: int = 50, seed: int | None = 0
) -> Callable[[Callable[[Any], None]], Callable[[], None]]:
    """Run a check on many rows (or batches); a failure shows the smallest row that fails.

    Use it as a decorator: ``@given_rows(valid_rows(schema))`` over ``def check(row)``; ``check()`` runs it. With
    ``seed`` None, each run uses other rows. Nothing is stored between runs, and there is no time limit.
    """

    def decorate(check: Callable[[Any], None]) -> Callable[[], None]:
        def run_check(row: Any) -> None:
            try:
                check(row)
            except AssertionError as failure:
                text = csv_text(row if row and isinstance(row[0], list) else [row])
                raise AssertionError(f"{failure}\nsmallest payload that fails:\n{text}") from failure

        quiet = settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=seed is not None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
        )
        attempt: Callable[[], None] = quiet(given(rows)(run_check))
        return attempt

    return decorate


def _row(cells: Sequence[SearchStrategy[str]]) -> SearchStrategy[Row]:
    return st.tuples(*cells).map(list)


def _valid(column: Column) -> SearchStrategy[str]:
    filled = _filled_cells(column)
    return filled if column.complete else st.one_of(filled, st.just(""))


def _filled_cells(column: Column) -> SearchStrategy[str]:
    if column.kind == "Integral":
        middle = _middle(column)
        return st.integers(int(column.low) - middle, int(column.high) - middle).map(lambda step: str(middle + step))
    if column.kind == "Fractional":
        return st.floats(column.low, column.high, allow_nan=False, allow_infinity=False).map(repr)
    if column.values:
        return st.sampled_from(column.values)
    return st.text(_PRINTED, min_size=1, max_size=20)


def _middle(column: Column) -> int:
    return (int(column.low) + int(column.high)) // 2


def _corners(column: Column) -> list[str]:
    if column.kind == "String":
        ends = [column.values[0], column.values[-1]] if column.values else ["a", "a" * 256]
    elif column.kind == "Integral":
        zero = ["0"] if column.low <= 0 <= column.high else []
        ends = [str(_middle(column)), str(int(column.low)), str(int(column.high)), *zero]
    else:
        zero = ["0.0"] if column.low <= 0 <= column.high else []
        ends = [repr((column.low + column.high) / 2), repr(column.low), repr(column.high), *zero]
    return list(dict.fromkeys(ends + ([] if column.complete else [""])))


def _shift(column: Column, by: float) -> Column:
    width = max(column.high - column.low, 1.0) * by
    return Column(column.name, column.kind, column.low + width, column.high + width, complete=column.complete)
