"""Runs one analysis and reports it the container's way: a message file, a line of output, an exit code."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

from . import messages
from .analysis import run
from .config import base_dir, from_environment
from .errors import AnalyzerError
from .tracebacks import format_traceback

_MESSAGE_BYTES = 1024


def main() -> int:
    logging.basicConfig(level=logging.INFO, stream=sys.stdout, format="%(levelname)s %(name)s %(message)s")
    message_file = base_dir(os.environ) / "output" / "message"
    try:
        text, code = run(from_environment(os.environ)).exit_message, 0
    except AnalyzerError as error:
        if error.__cause__ is not None:
            # A user's script failed: its own traceback is what helps.
            print(format_traceback(error.__cause__), file=sys.stderr, end="")
        text, code = messages.ERROR.format(text=error), 1
    except Exception as error:
        print(format_traceback(error), file=sys.stderr, end="")
        text, code = messages.UNEXPECTED.format(kind=type(error).__name__, text=error), 1
    print(text, file=sys.stderr if code else sys.stdout, flush=True)
    _write_message(message_file, text)
    return code


def _write_message(path: Path, text: str) -> None:
    # What lies beyond the limit is cut by the service, perhaps inside a character.
    data = text.encode("utf-8")[:_MESSAGE_BYTES].decode("utf-8", errors="ignore")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data, encoding="utf-8")
