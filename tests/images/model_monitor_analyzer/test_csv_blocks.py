"""Cutting CSV files into blocks: never inside a record, and never more in memory than a block."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monitor_analyzer import csv_blocks
from monitor_analyzer.errors import AnalyzerError

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


ROWS = st.lists(st.lists(st.text(alphabet='ab,"\n\r ', max_size=6), min_size=2, max_size=2), max_size=15)


def rows_of(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("block", [1, 7, 50])
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=ROWS, end=st.sampled_from(["\n", "\r\n"]))
def test_blocks_hold_whole_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int, rows: list[list[str]], end: str
) -> None:
    monkeypatch.setattr(csv_blocks, "FIRST_BLOCK", block)
    monkeypatch.setattr(csv_blocks, "BLOCK", block)
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=end).writerows(rows)
    file = tmp_path / "x.csv"
    file.write_bytes(text.getvalue().encode())
    blocks = [part.decode() for part in csv_blocks.blocks_of(file)]
    assert "".join(blocks) == text.getvalue()
    assert [row for part in blocks for row in rows_of(part)] == rows


def test_blocks_are_bounded(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(b"1,2,3\n" * 4_000_000)
    sizes = [len(part) for part in csv_blocks.blocks_of(file)]
    assert max(sizes) < csv_blocks.BLOCK + 6
    assert len(sizes) == 4


def test_quote_that_is_never_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_blocks, "_LONGEST_RECORD", 1 << 20)
    file = tmp_path / "x.csv"
    file.write_bytes(b'a,b\n1,"2\n' + b"3,4\n" * 1_000_000)
    with pytest.raises(AnalyzerError, match="quoted cell that is never closed"):
        list(csv_blocks.blocks_of(file))


def test_first_record() -> None:
    assert csv_blocks.first_record(b'"a\n""b",c\n1,2\n') == (b'"a\n""b",c\n', b"1,2\n")
    assert csv_blocks.first_record(b"a,b") == (b"a,b", b"")
