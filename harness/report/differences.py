"""Values of a comparison: when two facts agree, what a difference is, and the verdict on a scenario."""

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
    """``known`` is the reason of a listed difference; a difference with one counts as none."""

    fact: str
    left: Fact
    right: Fact
    known: str = ""

    @property
    def distance(self) -> float | None:
        """Between two numbers; None when there is none to speak of."""
        if _is_number(self.left) and _is_number(self.right):
            return float(self.right) - float(self.left)  # type: ignore[arg-type]
        return None

    @property
    def severity(self) -> float:
        """How far apart they are, relative to their size; what is no number is as far apart as can be."""
        if self.distance is None:
            return math.inf
        return abs(self.distance) / (max(abs(float(self.left or 0)), abs(float(self.right or 0))) or 1.0)


@dataclass(frozen=True)
class NotComparable:
    fact: str
    why: str

    def __str__(self) -> str:
        return f"{self.fact}: {self.why}"


@dataclass
class ScenarioComparison:
    name: str
    same: int = 0
    different: list[Difference] = field(default_factory=list)
    """The known ones among them."""
    not_comparable: list[NotComparable] = field(default_factory=list)
    """Facts that only one side has."""
    set_aside: list[NotComparable] = field(default_factory=list)
    """Facts of both sides that say nothing, because they come from different releases of a library."""
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
        """The worst first."""
        return sorted((each for each in self.different if not each.known), key=lambda each: -each.severity)

    def document(self) -> dict[str, Any]:
        """For a program to read."""
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
    if _is_number(left) and _is_number(right):
        return math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)  # type: ignore[arg-type]
    if isinstance(left, str) and isinstance(right, str):
        return left == right or _alike(left, right, tolerance)
    return type(left) is type(right) and left == right


def _is_number(value: Fact) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _alike(left: str, right: str, tolerance: float) -> bool:
    """The same words around numbers that agree: an answer, or a sentence, in other decimals is the same one."""
    ours, theirs = list(_parts(left)), list(_parts(right))
    return len(ours) == len(theirs) and all(
        _is_number(a) == _is_number(b) and (agree(a, b, tolerance) if _is_number(a) else a == b)
        for a, b in zip(ours, theirs, strict=True)
    )


def _parts(text: str) -> Iterator[Fact]:
    end = 0
    for found in _NUMBER.finditer(text):
        if words := " ".join(text[end : found.start()].split()):
            yield words
        yield float(found[0])
        end = found.end()
    if words := " ".join(text[end:].split()):
        yield words
