"""CSV files as frames: integers parsed where a column has shown nothing else so far, elsewhere the text of cells."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from . import messages
from .ahead import read_ahead
from .csv_blocks import blocks_of, cells_of, decode, first_record, without_blank_lines
from .errors import AnalyzerError
from .plain_csv import check_widths, is_one_block, plain_frame

_BOM = b"\xef\xbb\xbf"


class CsvFiles:
    """`names`: the columns' names when the files have no header (further columns are `_c<position>`)."""

    def __init__(self, files: Sequence[Path], header: bool, names: Sequence[str], output_last: bool) -> None:
        self._files = files
        self._header = header
        self._given_names = names
        self._output_last = output_last
        self._names: list[str] = []
        self._integral: set[str] | None = None

    def frames(self, text_columns: frozenset[str], only: frozenset[str] | None = None) -> Iterator[Any]:
        """`text_columns` always arrive as text; with `only`, no other columns do."""
        frames = self._frames(text_columns, only)
        return frames if is_one_block(self._files) else read_ahead(frames)

    def _frames(self, text_columns: frozenset[str], only: frozenset[str] | None) -> Iterator[Any]:
        self._integral = None
        for path in self._files:
            first = True
            for block in blocks_of(path):
                if first:
                    block = self._start(path, block)
                    first = not (block or self._names)
                if block:
                    yield self._frame(path, block, text_columns, only)

    def order(self, seen: list[str]) -> list[str]:
        names = self._names
        return [names[-1], *names[:-1]] if self._output_last and len(names) > 1 else names

    def _start(self, path: Path, block: bytes) -> bytes:
        """Takes the header off, or counts the columns of the first record, and compares with the files before."""
        if block.startswith(_BOM):
            block = block[len(_BOM) :]
        block = block.lstrip(b"\r\n")
        if not block:
            return block
        record, rest = first_record(block)
        cells = cells_of(record, path)
        names = _header_names(cells, path) if self._header else self._positional_names(len(cells))
        if self._names and names != self._names:
            text = messages.CSV_HEADER_DIFFERS.format(path=path, found=names, expected=self._names)
            raise AnalyzerError(text)
        self._names = names
        return rest if self._header else block

    def _positional_names(self, count: int) -> list[str]:
        given = list(self._given_names[:count])
        return given + [f"_c{position}" for position in range(len(given), count)]

    def _frame(self, path: Path, block: bytes, text_columns: frozenset[str], only: frozenset[str] | None) -> Any:
        plain = plain_frame(path, block, self._names, only) if is_one_block(self._files) else None
        if plain is not None:
            return plain
        # Spaces before digits are allowed to the parser, but only one of them to an Integral cell.
        integral = set() if b" " in block or b"\t" in block else (self._integral or set()) - text_columns
        frame = _parse(path, block, self._names, integral, only)
        if frame is None or self._integral is None:
            frame = _parse(path, block, self._names, set(), only)
            candidates = frame.columns if self._integral is None else self._integral
            self._integral = {name for name in candidates if _is_integral(frame.get_column(name))}
        if not _has_blank_or_short_rows(block, frame.height, len(self._names)):
            return _empty_as_missing(frame) if b'"' in block and b'""' in block else frame
        cleaned = without_blank_lines(block)
        if len(cleaned) < len(block):
            return self._frame(path, cleaned, text_columns, only)
        return _parsed_by_rows(path, block, self._names, only)


def _header_names(cells: list[str], path: Path) -> list[str]:
    names = [cell or f"_c{position}" for position, cell in enumerate(cells)]
    for name in names:
        if names.count(name) > 1:
            raise AnalyzerError(messages.DUPLICATE_COLUMN.format(path=path, name=name))
    return names


def _parse(path: Path, block: bytes, names: list[str], integral: set[str], only: frozenset[str] | None) -> Any:
    """Return the parsed block, or None if a cell of an integral column is not an integer."""
    import polars as pl

    schema = {name: pl.Int64 if name in integral else pl.String for name in names}
    columns = [index for index, name in enumerate(names) if name in only] if only is not None else None
    try:
        return pl.read_csv(block, has_header=False, schema=schema, columns=columns)
    except pl.exceptions.PolarsError as error:
        if "more fields" in str(error):
            raise AnalyzerError(messages.CSV_EXTRA_CELLS.format(path=path, columns=len(names))) from None
        if integral:
            return None
        reason = str(error).splitlines()[0]
        raise AnalyzerError(messages.FILE_UNREADABLE.format(path=path, kind="CSV", reason=reason)) from None


def _parsed_by_rows(path: Path, block: bytes, names: list[str], only: frozenset[str] | None) -> Any:
    """Exact for every row, but slow: tells blank lines inside a quoted cell from others, and finds the short row."""
    import polars as pl

    rows = [row for row in csv.reader(io.StringIO(decode(block, path), newline="")) if row]
    check_widths(path, map(len, rows), len(names))
    cells = [[cell or None for cell in row] for row in rows]
    frame = pl.DataFrame(cells, schema=[(name, pl.String) for name in names], orient="row")
    return frame if only is None else frame.select([name for name in names if name in only])


def _is_integral(texts: Any) -> bool:
    import polars as pl

    return bool(texts.cast(pl.Int64, strict=False).null_count() == texts.null_count())


def _has_blank_or_short_rows(block: bytes, rows: int, columns: int) -> bool:
    """The parser fills such rows with nulls (and refuses longer ones), so only a count of the commas shows them."""
    if columns == 1:
        return b"\n\n" in block or b"\n\r\n" in block
    raw = np.frombuffer(block, dtype=np.uint8)
    commas = raw == ord(",")
    if b'"' in block:
        commas &= ~np.logical_xor.accumulate(raw == ord('"'))
    return bool(np.count_nonzero(commas) < rows * (columns - 1))


def _empty_as_missing(frame: Any) -> Any:
    import polars as pl

    return frame.with_columns(pl.col(pl.String).replace("", None))
