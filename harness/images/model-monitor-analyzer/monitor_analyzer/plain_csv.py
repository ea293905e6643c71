"""A small CSV file without quotes as a plain frame, and the check that rows have as many cells as there are columns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from . import messages
from .csv_blocks import FIRST_BLOCK
from .errors import AnalyzerError
from .plain_frames import Cells, PlainFrame, is_small


def is_one_block(files: Sequence[Path]) -> bool:
    # Of a compressed file the size says little.
    return len(files) == 1 and files[0].suffix != ".gz" and files[0].stat().st_size <= FIRST_BLOCK


def plain_frame(path: Path, block: bytes, names: list[str], only: frozenset[str] | None) -> PlainFrame | None:
    """Return a frame, or None if a real parser is needed: for quotes, for speed, or for its error message."""
    try:
        text = block.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        return None
    lines = [line for line in text.split("\n") if line]
    if '"' in text or "\r" in text or not is_small(len(lines), len(names)):
        return None
    check_widths(path, (line.count(",") + 1 for line in lines), len(names))
    # One list of all cells: twenty thousand lists, one for each row, keep the garbage collector busy.
    cells = ",".join(lines).split(",") if lines else []
    columns = ((name, cells[place :: len(names)]) for place, name in enumerate(names))
    return PlainFrame({name: _empty_as_missing(found) for name, found in columns if only is None or name in only})


def check_widths(path: Path, widths: Iterable[int], columns: int) -> None:
    for width in widths:
        if width != columns:
            text = messages.CSV_EXTRA_CELLS if width > columns else messages.CSV_SHORT_ROW
            raise AnalyzerError(text.format(path=path, columns=columns))


def _empty_as_missing(cells: list[str]) -> Cells:
    return [cell or None for cell in cells] if "" in cells else [*cells]
