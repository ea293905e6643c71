"""CSV, JSON and Parquet inputs, and files that do not fit."""

from __future__ import annotations

import gzip
import io
import json
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import Job

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Container contract inputs of Model Monitor")


CSV, BARE = {"csv": {"header": True}}, {"csv": {"header": False}}


def sums(ending: Any) -> dict[str, float]:
    assert ending.code == 0, ending.message
    features = ending.file("statistics.json")["features"]
    return {entry["name"]: entry["numerical_statistics"]["sum"] for entry in features}


def test_csv_without_header(job: Job) -> None:
    job.data("1,2\n3,4\n")
    assert sums(job.run(BARE)) == {"_c0": 4.0, "_c1": 6.0}


def test_api_spelling_of_the_format(job: Job) -> None:
    job.data("1,2\n3,4\n")
    assert sums(job.run({"Csv": {"Header": False}})) == {"_c0": 4.0, "_c1": 6.0}


def test_output_columns_at_the_end_come_first(job: Job) -> None:
    job.data("a,b,label\n1,2,3\n")
    ending = job.run({"csv": {"header": True, "output_columns_position": "END"}})
    assert ending.names == ["label", "a", "b"]


def test_tree_of_files(job: Job) -> None:
    job.data("a,b\n1,2\n", "one/x.csv")
    job.data(gzip.compress(b"\xef\xbb\xbfa,b\r\n3,4\r\n"), "two/y.csv.gz")
    job.data("", "two/empty.csv")
    job.data("", "_SUCCESS")
    job.data("junk", ".x.crc")
    assert sums(job.run(CSV)) == {"a": 4.0, "b": 6.0}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_quotes_blank_lines_and_empty_cells(job: Job) -> None:
    job.data('name,n,e\n"a,\n\n""b""",1,""\n\n"c",2,\n')
    ending = job.run(CSV)
    assert ending.file("statistics.json")["dataset"]["item_count"] == 2
    buckets = ending.feature("name")["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert {bucket["value"] for bucket in buckets} == {'a,\n\n"b"', "c"}
    assert ending.feature("n")["numerical_statistics"]["sum"] == 3.0
    assert ending.feature("e")["inferred_type"] == "Unknown"
    job.data("\n\nn\n1\n\n2\r\n\r\n\n3")
    assert sums(job.run(CSV)) == {"n": 6.0}
    job.data("n,m\n1,1\n\n2,2\r\n\r\n\n3,3\n\n")
    assert sums(job.run(CSV)) == {"n": 6.0, "m": 6.0}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_leading_zeros_stay_text_in_a_text_column(job: Job) -> None:
    job.data("code\n" + "007\n" * 400_000 + "x\n")
    ending = job.run(CSV)
    buckets = ending.feature("code")["string_statistics"]["distribution"]["categorical"]["buckets"]
    assert buckets == [{"value": "007", "count": 400_000.0}, {"value": "x", "count": 1.0}]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_numbers_beyond_a_double(job: Job) -> None:
    job.data(f"n,m\n1,{'9' * 400}\n{'9' * 400},{'9' * 400}\n")
    ending = job.run(CSV)
    assert ending.feature("n")["numerical_statistics"]["common"] == {"num_present": 2, "num_missing": 0}
    assert ending.feature("n")["numerical_statistics"]["max"] == 1.0
    # No number is left to compute with.
    assert list(ending.feature("m")["numerical_statistics"]) == ["common", "completeness"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("", "Job inputs had no data"),
        ("a,b\n", "Job inputs had no data"),
        ("a,b\n1,2\n1,2,3\n", "more than the 2 columns"),
        ("a,b\n1,2\n1\n", "fewer than the 2 columns"),
        ('a,b\n1,"x,y"\n"1,2"\n', "fewer than the 2 columns"),
        ("a,b,a\n1,2,3\n", "names the column 'a' twice"),
        ("a.b,c\n1,2\n", "the column name 'a.b' contains a dot"),
        (b"a\n\xff\xfe\n", "cannot be read as CSV"),
    ],
)
def test_csv_that_does_not_fit(job: Job, content: str | bytes, text: str) -> None:
    job.data(content)
    ending = job.run(CSV)
    assert ending.code == 1
    assert text in ending.message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_files_of_different_columns(job: Job) -> None:
    job.data("a,b\n1,2\n", "1.csv")
    job.data("b,a\n1,2\n", "2.csv")
    ending = job.run(CSV)
    assert "2.csv has the columns ['b', 'a'], but the first file has ['a', 'b']" in ending.message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_missing_and_empty_source(job: Job) -> None:
    ending = job.run(CSV)
    assert "does not exist" in ending.message
    job.data("", "_SUCCESS")
    assert "Job inputs had no data" in job.run(CSV).message


@pytest.mark.parametrize("form", [{"json": {"lines": True}}, {"Json": {"Line": True}}, {"json": {"lines": False}}])
def test_json(job: Job, form: dict[str, Any]) -> None:
    records = ['{"b": 1.50, "a": 1, "s": "x"}', '{"a": 2, "b": null}', '{"a": 3, "b": 2, "t": true}']
    lines = form != {"json": {"lines": False}}
    job.data("\n".join(records) if lines else "[" + ",\n".join(records) + "]", "data.json")
    ending = job.run(form)
    assert ending.names == ["a", "b", "s", "t"]
    assert ending.feature("a")["inferred_type"] == "Integral"
    assert ending.feature("b")["inferred_type"] == "Fractional"
    assert ending.feature("b")["numerical_statistics"]["common"] == {"num_present": 2, "num_missing": 1}
    assert ending.feature("s")["string_statistics"]["common"] == {"num_present": 1, "num_missing": 2}
    assert ending.feature("t")["string_statistics"]["distinct_count"] == 1.0


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_empty_json_objects_are_rows(job: Job) -> None:
    job.data('{"a": 1}\n' * 20_000 + "{}\n", "data.json")
    ending = job.run({"json": {"lines": True}})
    assert ending.feature("a")["numerical_statistics"]["common"] == {"num_present": 20_000, "num_missing": 1}
    job.data("{}\n", "data.json")
    assert "Job inputs had no data" in job.run({"json": {"lines": True}}).message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("content", "text"),
    [
        ('{"a": 1}\n{"a": \n', "data.json line 2 is not valid JSON"),
        ('{"a": {"b": 1}}', "'a' holds an object"),
        ("[1]", "holds an array where a flat JSON object is expected"),
    ],
)
def test_json_that_does_not_fit(job: Job, content: str, text: str) -> None:
    job.data(content, "data.json")
    ending = job.run({"json": {"lines": True}})
    assert ending.code == 1
    assert text in ending.message


def test_parquet(job: Job) -> None:
    frame = pl.DataFrame(
        {
            "i": [1, 2, None],
            "f": [0.5, None, float("nan")],
            "b": [True, False, None],
            "s": ["1", "2", "x"],
            "c": pl.Series(["u", "v", "u"], dtype=pl.Categorical),
        }
    )
    file = io.BytesIO()
    frame.write_parquet(file)
    job.data(file.getvalue(), "part-0.parquet")
    ending = job.run({"parquet": {}})
    assert ending.code == 0, ending.message
    types = {name: ending.feature(name)["inferred_type"] for name in ending.names}
    assert types == {"i": "Integral", "f": "Fractional", "b": "String", "s": "String", "c": "String"}
    assert ending.feature("f")["numerical_statistics"]["common"] == {"num_present": 1, "num_missing": 2}
    assert ending.feature("b")["string_statistics"]["distinct_count"] == 2.0


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_parquet_that_does_not_fit(job: Job) -> None:
    job.data("no parquet", "x.parquet")
    assert "cannot be read as Parquet" in job.run({"parquet": {}}).message
    file = io.BytesIO()
    pl.DataFrame({"l": [[1], [2]]}).write_parquet(file)
    job.data(file.getvalue(), "x.parquet")
    assert "column 'l' has the type List(Int64)" in job.run({"parquet": {}}).message


CELLS = st.one_of(st.none(), st.text(alphabet='01.- x,"\n', min_size=1, max_size=5))


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12))
def test_csv_says_the_same_as_json(job: Job, rows: list[tuple[str | None, str | None]]) -> None:
    def quoted(cell: str | None) -> str:
        return "" if cell is None else '"' + cell.replace('"', '""') + '"'

    job.data("a,b\n" + "".join(",".join(map(quoted, row)) + "\n" for row in rows), "data")
    from_csv = job.run(CSV).file("statistics.json")
    job.data("".join(json.dumps(dict(zip("ab", row, strict=True))) + "\n" for row in rows), "data")
    assert job.run({"json": {"lines": True}}).file("statistics.json") == from_csv
