"""Text from anywhere, made fit to be read: no terminal codes, nothing invisible, never endless."""

from __future__ import annotations

import re
from collections.abc import Iterable

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufeff\ufffe\uffff]")
LONGEST_LINE, MOST_LINES, LONGEST = 2_000, 400, 20_000


def visible(text: str) -> str:
    """Without terminal codes; what has no picture, or turns text around, has a stand-in."""
    text = _TERMINAL.sub("", text.replace("\r\n", "\n"))
    return _INVISIBLE.sub(lambda found: _picture(found[0]), text)


def _picture(character: str) -> str:
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"


def log(lines: Iterable[str]) -> str:
    """The end of a log. Of a line that was drawn over (progress bars), what was to be seen last."""
    shown = [_cut(visible(line.rstrip("\r\n").rsplit("\r", 1)[-1]), LONGEST_LINE) for line in lines]
    return "\n".join(shown[-MOST_LINES:])


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
