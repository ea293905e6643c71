"""Applies regular expressions of users to texts, in a process of its own that may use little time and memory.

Python's ``re`` takes practically for ever for some expressions, such as ``(a+)+$``, and lets no other thread run
meanwhile: one metric definition could stop the whole emulator.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from harness.kernel.expression_program import find_all

SECONDS = 3
"""Processor time that one expression may take for all texts of a call."""
MOST_TEXTS, MOST_CHARACTERS = 5_000, 4 << 20
"""How much a caller collects before it calls ``search``."""
_PROGRAM = Path(__file__).with_name("expression_program.py")
_PATIENCE = 60.0
"""Further seconds that the process may take on a busy machine."""

log = logging.getLogger(__name__)

Found = dict[int, "str | None"]
"""The numbers of the texts that an expression was found in, each with the text of the first group."""


def search(regexes: Sequence[str], texts: Sequence[str]) -> list[Found | None]:
    """Search each text for each expression. The result is None for an expression that takes too long."""
    results: list[Found | None] = []
    while len(results) < len(regexes):
        results += _run(regexes[len(results) :], texts)
        if len(results) < len(regexes):
            results.append(None)
    return results


def search_here(regexes: Sequence[str], texts: Sequence[str]) -> list[Found | None]:
    """Do the same in this process, for expressions of harness itself, which are known to take little time."""
    return [dict(find_all(regex, texts)) for regex in regexes]


def _run(regexes: Sequence[str], texts: Sequence[str]) -> list[Found]:
    """Return the results of the expressions before the first one that takes too long."""
    request = json.dumps({"regexes": list(regexes), "texts": list(texts), "seconds": SECONDS})
    command = [sys.executable, "-I", "-S", str(_PROGRAM)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={}, cwd="/"
    ) as process:
        try:
            output, errors = process.communicate(request.encode(), SECONDS * len(regexes) + _PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            output, errors = process.communicate()
    if errors:
        log.warning("a process for regular expressions failed: %s", errors.decode(errors="replace")[-500:])
    lines = [line for line in output.split(b"\n")[:-1] if line]
    return [{int(number): group for number, group in json.loads(line)} for line in lines]
