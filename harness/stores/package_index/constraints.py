"""The constraints that pip or uv is configured for, as one file for jobs."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from urllib.parse import urljoin

_NESTED = re.compile(r"(?:-c|--constraint|-r|--requirement)[ =]?\s*(\S+)")
_CREDENTIALS = re.compile(r"://[^/@\s]*@")
_DEEPEST = 10


def joined_constraints(urls: Sequence[str], read: Callable[[str], str]) -> str:
    """All constraints, those of nested files too, without options and without credentials."""
    lines: list[str] = []
    for url in urls:
        lines += _lines(url, read, _DEEPEST)
    return "".join(f"{line}\n" for line in dict.fromkeys(lines))


def _lines(url: str, read: Callable[[str], str], depth: int) -> list[str]:
    lines: list[str] = []
    for line in read(url).replace("\\\n", " ").splitlines():
        text = re.sub(r"(^|\s)#.*$", "", line).strip()
        nested = _NESTED.fullmatch(text)
        if nested and depth:
            lines += _lines(urljoin(url, nested.group(1)), read, depth - 1)
        elif text and not text.startswith("-"):
            lines.append(_CREDENTIALS.sub("://", text))
    return lines
