"""The files of a data set: everything below dataset_source, but for hidden and marker files."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

from . import messages
from .errors import AnalyzerError


def files_below(source: Path) -> list[Path]:
    if not source.exists():
        raise AnalyzerError(messages.SOURCE_MISSING.format(path=source))
    if source.is_file():
        return [source]
    return [path for path in sorted(source.rglob("*")) if path.is_file() and _is_data(path.relative_to(source))]


def open_bytes(path: Path) -> IO[bytes]:
    return cast("IO[bytes]", gzip.open(path, "rb")) if path.suffix == ".gz" else path.open("rb")


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of each line that is not blank."""
    with open_bytes(path) as stream:
        number = 0
        try:
            for raw in stream:
                number += 1
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
                if line.strip():
                    yield number, line
        except (UnicodeDecodeError, OSError, EOFError) as error:
            text = messages.FILE_UNREADABLE.format(path=path, kind="UTF-8 text", reason=error)
            raise AnalyzerError(text) from None


def _is_data(relative: Path) -> bool:
    # As Spark reads folders: _SUCCESS, _temporary, .part.crc are not data.
    return not any(part.startswith((".", "_")) for part in relative.parts)
