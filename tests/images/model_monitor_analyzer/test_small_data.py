"""Small data is analyzed without polars: in no other way, and without the time that importing it takes."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monitor_analyzer import plain_frames

from .conftest import IMAGE, Job, captured

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


CSV = {"csv": {"header": True}}
LINES = {"json": {"lines": True}}
CELLS = st.one_of(
    st.text(alphabet="019.-+ eE_truefalsnNé٣:", max_size=7),
    st.integers().map(str),
    st.floats(allow_nan=False).map(str),
    st.sampled_from(["true", "false", "1_0", "٣", "inf", "nan", "9" * 400, "-9" * 30]),
)
ROWS = st.lists(st.tuples(CELLS, CELLS, st.integers(-9, 9).map(str)), min_size=1, max_size=40)
RUNNING = """
import os, sys
sys.path.insert(0, sys.argv[1])
from monitor_analyzer.entry import main
code = main()
print("polars" in sys.modules, file=sys.stderr)
sys.exit(code)
"""


def outcome(job: Job, dataset_format: object) -> tuple[str, str, str]:
    ending = job.run(dataset_format)
    output = job.root / "processing" / "output"
    return ending.message, (output / "statistics.json").read_text(), (output / "constraints.json").read_text()


def assert_same_with_polars(job: Job, monkeypatch: pytest.MonkeyPatch, dataset_format: object) -> None:
    small = outcome(job, dataset_format)
    with monkeypatch.context() as patch:
        patch.setattr(plain_frames, "MOST_CELLS", 0)
        assert outcome(job, dataset_format) == small


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]))
def test_csv_has_the_same_statistics(
    job: Job, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, ...]], end: str
) -> None:
    job.data(end.join(["a,b,c", *map(",".join, rows)]))
    assert_same_with_polars(job, monkeypatch, CSV)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.dictionaries(st.sampled_from("abcd"), CELLS | st.none() | st.floats(width=32)), max_size=30))
def test_json_has_the_same_statistics(
    job: Job, monkeypatch: pytest.MonkeyPatch, rows: list[dict[str, str | float | None]]
) -> None:
    job.data("\n".join(json.dumps(row) for row in [{"a": 1}, *rows]), "data.json")
    assert_same_with_polars(job, monkeypatch, LINES)


def test_a_table_of_many_texts_has_the_same_statistics(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    job.data("id,code,share\n" + "\n".join(f"n{row},{row % 200},{row / 7}" for row in range(20_000)))
    assert_same_with_polars(job, monkeypatch, CSV)


@pytest.mark.parametrize("kind", ["csv", "captured"])
def test_polars_is_not_imported(job: Job, kind: str) -> None:
    if kind == "csv":
        job.data("a,b\n" + "1,x\n" * 1000)
    else:
        job.data("".join(captured(f"0.{row}", f"{row},x") for row in range(300)), "captured.jsonl")
    environment = job.environment(CSV if kind == "csv" else {"sagemakerCaptureJson": {}})
    done = subprocess.run(
        [sys.executable, "-c", RUNNING, str(IMAGE)], env=environment, capture_output=True, text=True, timeout=50
    )
    assert (done.returncode, done.stderr) == (0, "False\n")
