"""The program that ``expressions.py`` starts: it reads expressions and texts and writes a line for each expression."""

from __future__ import annotations

import contextlib
import json
import math
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence

_MEMORY = 1 << 30


def main() -> None:
    request = json.loads(sys.stdin.buffer.read())
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_AS, _MEMORY)
    for regex in request["regexes"]:
        _limit(resource.RLIMIT_CPU, math.ceil(time.process_time()) + request["seconds"])
        sys.stdout.write(json.dumps(find_all(regex, request["texts"])) + "\n")
        sys.stdout.flush()


def find_all(regex: str, texts: Sequence[str]) -> list[tuple[int, str | None]]:
    """Return the numbers of the texts that the expression is found in, each with the text of the first group."""
    find = _finder(regex)
    matches = ((number, find(text)) for number, text in enumerate(texts))
    return [(number, match[1] if match.re.groups else None) for number, match in matches if match]


def _finder(regex: str) -> Callable[[str], re.Match[str] | None]:
    """A regex that begins with ``.*`` finds at the start or nowhere; searching on takes the square of a long line."""
    pattern = re.compile(regex)
    return pattern.match if regex.startswith(".*") and "|" not in regex else pattern.search


def _limit(kind: int, value: int) -> None:
    """Lower the soft limit. The hard one stays, so that the limit of processor time can be raised again."""
    with contextlib.suppress(OSError, ValueError):  # the system has no such limit, or the user a lower one
        resource.setrlimit(kind, (value, resource.getrlimit(kind)[1]))


if __name__ == "__main__":
    main()
