"""The part of a script's output that its failure file quotes."""

from __future__ import annotations

import builtins
import re

NAMES = sorted(
    name
    for name, value in vars(builtins).items()
    if isinstance(value, type) and issubclass(value, BaseException) and not issubclass(value, Warning)
)
"""The names of Python's own errors. AWS's toolkit begins to quote at the first line that contains one."""
MARKS = (
    "Invalid requirement",
    "ResourceExhaustedError",
    "OutOfRangeError",
    "InvalidArgumentError",
    "mpirun.real",
    "ORTE",
)
_BEGINNING = re.compile("|".join(re.escape(word) for word in (*NAMES, *MARKS)))


def summary(lines: list[str]) -> str:
    """Return the lines from the first one that names an error, each once."""
    for number, line in enumerate(lines):
        if _BEGINNING.search(line):
            texts = [each.strip(" :\n") for each in lines[number:]]
            return "\n ".join(dict.fromkeys(text for text in texts if text))
    return ""
