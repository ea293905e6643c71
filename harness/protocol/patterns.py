"""Makes predicates of the models' patterns, which are Java regular expressions.

Python's ``re`` has no Unicode categories (``\\p{L}``). For a pattern that uses them, each character of the value
outside ASCII is first replaced by one private-use character that stands for its category.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from functools import cache

_STANDS_FOR = {"L": "\ue000", "M": "\ue001", "N": "\ue002", "P": "\ue003", "S": "\ue004", "Z": "\ue005", "C": "\ue006"}
_POSIX = {"Alnum": "a-zA-Z0-9", "Alpha": "a-zA-Z", "Digit": "0-9", "ASCII": r"\x00-\x7f", "Print": r"\x20-\x7e"}
_TOKEN = re.compile(r"\\p\{(\w+)\}|\\z|\\.|\[|\]|.", re.DOTALL)


@cache
def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that tests whether a whole value matches the Java ``pattern``."""
    has_categories = bool(re.search(r"\\p\{[LMNPSZC]\}", pattern))
    match = re.compile(translate(pattern)).fullmatch
    if has_categories:
        return lambda value: match(_fold(value)) is not None
    return lambda value: match(value) is not None


def translate(pattern: str) -> str:
    """Translate a Java pattern to Python's syntax."""
    # A range of characters above U+FFFF, written as surrogate pairs.
    pattern = pattern.replace(r"\uD800\uDC00-\uDBFF\uDFFF", r"\U00010000-\U0010FFFF")
    # The pattern of tag keys has a quantifier after the end anchor ("$"), which Java allows and ignores.
    pattern = re.sub(r"\$\{\d+,\d*\}", "$", pattern)
    pieces = []
    inside = False
    for token in _TOKEN.finditer(pattern):
        text = token.group()
        if token.group(1):
            members = _class(token.group(1))
            text = members if inside else f"[{members}]"
        elif text == r"\z":
            text = r"\Z"
        elif text == "[":
            text, inside = (r"\[", True) if inside else ("[", True)
        elif text == "]":
            inside = False
        pieces.append(text)
    return "".join(pieces)


def _class(name: str) -> str:
    """Return the members of a character class for ``\\p{name}``."""
    if name in _POSIX:
        return _POSIX[name]
    ascii_members = (chr(code) for code in range(128) if unicodedata.category(chr(code))[0] == name)
    return "".join(re.escape(member) for member in ascii_members) + _STANDS_FOR[name]


def _fold(value: str) -> str:
    if value.isascii():
        return value
    return "".join(char if char < "\x80" else _STANDS_FOR[unicodedata.category(char)[0]] for char in value)
