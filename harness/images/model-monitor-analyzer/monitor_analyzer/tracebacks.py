"""Tracebacks as a container shows them: files by their place in the image, never by their path on this machine."""

from __future__ import annotations

import re
import traceback
from pathlib import Path

_PROGRAM = Path(__file__).resolve().parent.parent
_INSTALLED = re.compile(r".*/(?:site-packages|dist-packages|lib/python\d+\.\d+)/")


def format_traceback(error: BaseException, limit: int | None = None, chain: bool = True) -> str:
    """The text of ``traceback.format_exception`` with short names of files."""
    summary = traceback.TracebackException(type(error), error, error.__traceback__, limit=limit)
    _shorten(summary)
    return "".join(summary.format(chain=chain))


def _shorten(summary: traceback.TracebackException) -> None:
    for frame in summary.stack:
        frame.filename = shown_file(frame.filename)
    for other in (summary.__cause__, summary.__context__):
        if other is not None:
            _shorten(other)


def shown_file(name: str) -> str:
    try:
        return Path(name).resolve().relative_to(_PROGRAM).as_posix()
    except ValueError:
        return _INSTALLED.sub("", name)
