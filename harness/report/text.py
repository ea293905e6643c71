"""Text of programs made readable: without terminal codes, with visible control characters, and cut to a length."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_STAND_INS = {code: 0x2400 + code for code in range(0x20) if chr(code) not in "\t\n"} | {0x7F: 0x2421}
_STAND_INS |= dict.fromkeys(
    [
        *range(0x80, 0xA0),
        *range(0x202A, 0x202F),
        *range(0x2066, 0x206A),
        *range(0xD800, 0xE000),
        0xFEFF,
        0xFFFE,
        0xFFFF,
    ],
    0xFFFD,
)
LONGEST_LINE, MOST_LINES, LONGEST = 2_000, 400, 40_000


def visible(text: str) -> str:
    """Return a text without terminal codes; characters that are invisible or reverse the text are replaced."""
    return _TERMINAL.sub("", text.replace("\r\n", "\n")).translate(_STAND_INS)


def log(lines: Iterable[str]) -> str:
    """Return the end of a log. Of a line that was overwritten (a progress bar), only the last state is shown."""
    last = (line.rstrip("\r\n").rsplit("\r", 1)[-1] for line in deque(lines, MOST_LINES))
    return tail("\n".join(visible(_cut(line, LONGEST_LINE)) for line in last))


def head(text: str) -> str:
    """Return the beginning of a text; a longer one says how much was cut."""
    return _cut(text, LONGEST)


def tail(text: str) -> str:
    """Return the end of a text, for tracebacks; a longer one says how much was cut."""
    left_out = len(text) - LONGEST
    return text if left_out <= 0 else f"… ({left_out:,} characters before this: see report.json)\n{text[-LONGEST:]}"


def _cut(text: str, longest: int) -> str:
    left_out = len(text) - longest
    return text if left_out <= 0 else f"{text[:longest]} … ({left_out:,} more characters: see report.json)"
