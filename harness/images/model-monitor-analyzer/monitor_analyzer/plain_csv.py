"""A small CSV file without quotes as a plain frame, and the check that rows have as many cells as there are columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from . import messages
from .csv_blocks import FIRST_BLOCK
from .errors import AnalyzerError
from .plain_frames import PlainFrame, is_small


def is_one_block(files: Sequence[Path]) -> bool:
    # Of a compressed file the size says little.
    return len(files) == 1 and files[0].suffix != ".gz" and files[0].stat().st_size <= FIRST_BLOCK


def plain_frame(path: Path, block: bytes, names: list[str], only: frozenset[str] | None) -> PlainFrame | None:
    """None where a real parser is needed: for quotes, for its speed, or to say what is wrong."""
    try:
        text = block.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    lines = text.split("\n")
    if '"' in text or "\r" in text or not is_small(len(lines), len(names)):
        return None
    rows = [line.split(",") for line in lines if line]
    check_widths(path, rows, len(names))
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    wanted = {name: cells for name, cells in zip(names, columns, strict=True) if only is None or name in only}
    return PlainFrame({name: _empty_as_missing(cells) for name, cells in wanted.items()})


def check_widths(path: Path, rows: Iterable[Sequence[object]], columns: int) -> None:
    for row in rows:
        if len(row) != columns:
            text = messages.CSV_EXTRA_CELLS if len(row) > columns else messages.CSV_SHORT_ROW
            raise AnalyzerError(text.format(path=path, columns=columns))


def _empty_as_missing(cells: Sequence[str]) -> list[str | None]:
    return [cell or None for cell in cells] if "" in cells else list(cells)
