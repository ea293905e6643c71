"""Text from anywhere, made fit to be read: no terminal codes, nothing invisible, never endless."""

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
    """Without terminal codes; what has no picture, or turns text around, has a stand-in."""
    return _TERMINAL.sub("", text.replace("\r\n", "\n")).translate(_STAND_INS)


def log(lines: Iterable[str]) -> str:
    """The end of a log. Of a line that was drawn over (progress bars), what was to be seen last."""
    last = (line.rstrip("\r\n").rsplit("\r", 1)[-1] for line in deque(lines, MOST_LINES))
    return tail("\n".join(visible(_cut(line, LONGEST_LINE)) for line in last))


def head(text: str) -> str:
    """The beginning of a long text, saying so."""
    return _cut(text, LONGEST)


def tail(text: str) -> str:
    """The end of a long text: of a traceback, what matters."""
    left_out = len(text) - LONGEST
    return text if left_out <= 0 else f"… ({left_out:,} characters before this: see report.json)\n{text[-LONGEST:]}"


def _cut(text: str, longest: int) -> str:
    left_out = len(text) - longest
    return text if left_out <= 0 else f"{text[:longest]} … ({left_out:,} more characters: see report.json)"
