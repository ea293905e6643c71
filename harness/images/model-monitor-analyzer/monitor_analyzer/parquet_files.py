"""Parquet files as frames. Their columns are typed, so text is only looked into where a column is text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from . import messages
from .errors import AnalyzerError

_ROWS = 100_000


class ParquetFiles:
    def __init__(self, files: Sequence[Path]) -> None:
        self._files = files
        self._names: list[str] = []

    def frames(self, text_columns: frozenset[str], only: frozenset[str] | None = None) -> Iterator[Any]:
        import polars as pl

        for path in self._files:
            try:
                scan = pl.scan_parquet(path, glob=False)
                names = scan.collect_schema().names()
                rows = scan.select(pl.len()).collect().item()
                self._check_names(path, names)
                wanted = [name for name in names if only is None or name in only]
                for start in range(0, rows, _ROWS):
                    part = scan.select(wanted).slice(start, _ROWS).collect()
                    yield pl.DataFrame([_plain(path, part.get_column(name)) for name in wanted])
            except pl.exceptions.PolarsError as error:
                reason = str(error).splitlines()[0]
                text = messages.FILE_UNREADABLE.format(path=path, kind="Parquet", reason=reason)
                raise AnalyzerError(text) from None

    def order(self, seen: list[str]) -> list[str]:
        return self._names

    def _check_names(self, path: Path, names: list[str]) -> None:
        if self._names and names != self._names:
            text = messages.CSV_HEADER_DIFFERS.format(path=path, found=names, expected=self._names)
            raise AnalyzerError(text)
        self._names = names


def _plain(path: Path, column: Any) -> Any:
    import polars as pl

    dtype = column.dtype
    if dtype.is_integer() and dtype != pl.UInt64:
        return column.cast(pl.Int64)
    if dtype.is_float() or dtype.is_decimal():
        return column.cast(pl.Float64).fill_nan(None)
    if dtype == pl.Boolean or dtype == pl.String:
        return column
    if dtype == pl.UInt64 or dtype.is_temporal() or dtype in (pl.Categorical, pl.Enum, pl.Null):
        return column.cast(pl.String)
    raise AnalyzerError(messages.PARQUET_COLUMN.format(path=path, name=column.name, dtype=dtype))
