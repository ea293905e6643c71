"""The result of a comparison: differences between facts, and the verdict on a scenario."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from harness.report.facts import Fact

SAME, DIFFERENT, NOT_COMPARABLE, KNOWN = "same", "different", "not comparable", "known difference"
_NUMBER = re.compile(r"(?<![\w.<])[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w.]|\.\d)")


@dataclass(frozen=True)
class Difference:
    """Two values of one fact. ``known`` is the reason if the difference was listed as known; then it does not count."""

    fact: str
    left: Fact
    right: Fact
    known: str = ""

    @property
    def distance(self) -> float | None:
        """The difference between two numbers; None unless both are numbers."""
        if _is_number(self.left) and _is_number(self.right):
            return float(self.right) - float(self.left)  # type: ignore[arg-type]
        return None

    @property
    def severity(self) -> float:
        """The relative distance between two numbers; infinite unless both are numbers."""
        if self.distance is None:
            return math.inf
        return abs(self.distance) / (max(abs(float(self.left or 0)), abs(float(self.right or 0))) or 1.0)


@dataclass(frozen=True)
class NotComparable:
    """A fact that is not compared, and why."""

    fact: str
    why: str

    def __str__(self) -> str:
        return f"{self.fact}: {self.why}"


@dataclass
class ScenarioComparison:
    name: str
    same: int = 0
    different: list[Difference] = field(default_factory=list)
    """All differences, with the known ones."""
    not_comparable: list[NotComparable] = field(default_factory=list)
    """Facts that only one side has."""
    set_aside: list[NotComparable] = field(default_factory=list)
    """Facts that depend on a library of which both sides used different releases."""
    notes: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        if any(not difference.known for difference in self.different):
            return DIFFERENT
        return NOT_COMPARABLE if self.not_comparable or self.set_aside else SAME

    @property
    def equal(self) -> bool:
        return self.verdict == SAME

    @property
    def known(self) -> list[Difference]:
        return [difference for difference in self.different if difference.known]

    @property
    def unknown(self) -> list[Difference]:
        """The differences that count, the largest first."""
        return sorted((each for each in self.different if not each.known), key=lambda each: -each.severity)

    def document(self) -> dict[str, Any]:
        """Return the comparison as ``harness compare --json`` prints it."""
        return {
            "name": self.name,
            "verdict": self.verdict,
            "equal": self.equal,
            "same": self.same,
            "different": [
                {"fact": each.fact, "left": each.left, "right": each.right, "distance": each.distance}
                for each in self.unknown
            ],
            "known_differences": [
                {"fact": each.fact, "left": each.left, "right": each.right, "reason": each.known} for each in self.known
            ],
            "not_comparable": [
                {"fact": each.fact, "reason": each.why} for each in (*self.not_comparable, *self.set_aside)
            ],
            "notes": self.notes,
        }


def agree(left: Fact, right: Fact, tolerance: float) -> bool:
    """Tell whether two values are the same within the relative tolerance."""
    if _is_number(left) and _is_number(right):
        return math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)  # type: ignore[arg-type]
    if isinstance(left, str) and isinstance(right, str):
        return left == right or _texts_agree(left, right, tolerance)
    return type(left) is type(right) and left == right


def _is_number(value: Fact) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _texts_agree(left: str, right: str, tolerance: float) -> bool:
    """Tell whether two texts have the same words and numbers that agree, such as a sentence with rounded numbers."""
    ours, theirs = list(_parts(left)), list(_parts(right))
    return len(ours) == len(theirs) and all(
        _is_number(a) == _is_number(b) and (agree(a, b, tolerance) if _is_number(a) else a == b)
        for a, b in zip(ours, theirs, strict=True)
    )


def _parts(text: str) -> Iterator[Fact]:
    """Split a text into its numbers and the words between them."""
    end = 0
    for match in _NUMBER.finditer(text):
        if words := " ".join(text[end : match.start()].split()):
            yield words
        yield float(match[0])
        end = match.end()
    if words := " ".join(text[end:].split()):
        yield words
