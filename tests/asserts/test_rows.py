"""Rows drawn from a schema: valid ones stay within it, corrupt ones do not, and failures shrink to one cell."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings

from harness.asserts.rows import boundary_rows, corrupt_rows, csv_text, drifted_batches, given_rows, valid_rows
from harness.asserts.schema import Column, Schema, schema_of_baseline, schema_of_csv

TABLE = "age,balance,city,note\n30,-1.5,Rome,aa\n40,2.25,Oslo,\n35,0.0,Rome,bb\n"
SCHEMA = Schema(
    (
        Column("age", "Integral", 30, 40, non_negative=True),
        Column("balance", "Fractional", -1.5, 2.25),
        Column("city", "String", values=("Rome", "Oslo")),
        Column("note", "String", values=("aa", "bb"), complete=False),
    )
)
FEW = settings(max_examples=60, database=None, deadline=None)


def within(row: list[str]) -> bool:
    age, balance, city, note = row
    return (
        30 <= int(age) <= 40
        and -1.5 <= float(balance) <= 2.25
        and city in ("Rome", "Oslo")
        and note in ("", "aa", "bb")
    )


def test_a_schema_is_read_from_a_table(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(TABLE)
    assert schema_of_csv(file) == SCHEMA
    assert [column.name for column in SCHEMA.without("age", "note").columns] == ["balance", "city"]


def test_a_table_without_rows_has_none(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match=r"empty.csv holds no rows"):
        schema_of_csv(tmp_path / "empty.csv")


def test_and_from_a_baseline() -> None:
    numbers = {"min": 30.0, "max": 40.0}
    statistics = {
        "features": [
            {"name": "age", "inferred_type": "Integral", "numerical_statistics": numbers},
            {"name": "city", "inferred_type": "String", "string_statistics": {"common": {}, "distinct_count": 2.0}},
        ]
    }
    constraints = {
        "features": [
            {
                "name": "age",
                "inferred_type": "Integral",
                "completeness": 0.5,
                "num_constraints": {"is_non_negative": True},
            },
            {"name": "city", "inferred_type": "String", "completeness": 1.0, "string_constraints": {"domains": ["a"]}},
        ]
    }
    age, city = schema_of_baseline(statistics, constraints).columns
    assert age == Column("age", "Integral", 30, 40, complete=False, non_negative=True)
    assert city == Column("city", "String", values=("a",))


@FEW
@given(valid_rows(SCHEMA))
def test_valid_rows_are_within_it(row: list[str]) -> None:
    assert within(row)


@FEW
@given(boundary_rows(SCHEMA))
def test_boundary_rows_too_and_at_its_ends(row: list[str]) -> None:
    assert within(row)
    assert int(row[0]) in (30, 35, 40)


@FEW
@given(corrupt_rows(SCHEMA))
def test_corrupt_rows_are_not(row: list[str]) -> None:
    if len(row) == 4 and row[3] == "":
        return  # a note may be empty
    with pytest.raises(ValueError):  # noqa: PT012  too many cells, text for a number, a city that is none
        if not within(row) or row[1] == "NaN":
            raise ValueError(row)


@FEW
@given(drifted_batches(SCHEMA, ["age"], size=5, by=2.0))
def test_drifted_batches_move_what_is_named_and_nothing_else(batch: list[list[str]]) -> None:
    assert len(batch) == 5
    for row in batch:
        assert 50 <= int(row[0]) <= 60
        assert within(["35", *row[1:]])


def test_text_does_not_drift() -> None:
    with pytest.raises(ValueError, match="city is a String column"):
        drifted_batches(SCHEMA, ["city"])
    with pytest.raises(KeyError, match="no column 'town'; there are age, balance"):
        drifted_batches(SCHEMA, ["town"])


def test_what_is_sent_can_be_read_back() -> None:
    rows = [["1", 'a "b"', "x,y"], ["2", "", "line\nbreak"]]
    assert list(csv.reader(io.StringIO(csv_text(rows)))) == rows


def test_a_failure_shrinks_to_the_cell_that_matters() -> None:
    @given_rows(valid_rows(SCHEMA), examples=200)
    def check(row: list[str]) -> None:
        assert int(row[0]) < 38, "too old"

    with pytest.raises(AssertionError, match="too old") as failed:
        check()
    assert str(failed.value).splitlines()[-1] == "38,0.0,Rome,"


def test_what_holds_passes_and_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    seen = []
    given_rows(valid_rows(SCHEMA), examples=10)(seen.append)()
    assert len(seen) >= 10
    assert capsys.readouterr().out == ""
