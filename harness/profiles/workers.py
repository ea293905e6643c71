"""The choice of scenarios to play at the same time on one emulator, by their text; nothing is run.

They share its clock and its faults: an hour that one lets pass runs the other's schedules too, and a fault meets
whoever calls first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from harness.profiles.scenarios import Scenario

_FAULTS = re.compile(r"\.faults\b")
_CLOCK = re.compile(r"advance_clock|[Mm]onitoring_?[Ss]chedule|_harness/clock")


def next_to_play(waiting: Sequence[Scenario], running: Sequence[Scenario]) -> Scenario | None:
    """The first that disturbs none of those that run, and is not disturbed."""
    return next((each for each in waiting if all(not _disturb(each, other) for other in running)), None)


def _disturb(one: Scenario, other: Scenario) -> bool:
    mine, others = _uses(one.file), _uses(other.file)
    return "faults" in mine | others or "clock" in mine & others


@cache
def _uses(file: Path) -> frozenset[str]:
    text = file.read_text(encoding="utf-8", errors="replace")
    matches = {"faults": _FAULTS.search(text), "clock": _CLOCK.search(text)}
    return frozenset(name for name, match in matches.items() if match)
