"""Compares texts with patterns of users, in which ``*`` stands for any text.

The time grows with the lengths of both only. Each ``*`` as a ``.*`` of a regular expression would have some patterns
take for ever, and no other thread runs meanwhile.
"""

from __future__ import annotations

import re
from fnmatch import translate
from functools import lru_cache


def matches(pattern: str, text: str, *, one: str = "?", ignore_case: bool = False) -> bool:
    """Return whether the pattern matches the whole text. ``one`` is the sign for one character; empty if none is."""
    return _compile(pattern, one, ignore_case).match(text) is not None


@lru_cache(maxsize=4096)
def _compile(pattern: str, one: str, ignore_case: bool) -> re.Pattern[str]:
    literal = pattern.replace("[", "[[]")
    if not one:
        literal = literal.replace("?", "[?]")
    return re.compile(translate(literal), re.IGNORECASE if ignore_case else 0)
