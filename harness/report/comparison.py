"""Two runs of the same scenarios, fact by fact: what is the same, what differs, what cannot be compared."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from harness.report.facts import Fact, Facts, scenario_facts

TOLERANCE = 1e-6


@dataclass(frozen=True)
class Difference:
    """``known`` is the reason of a listed difference; a difference with one counts as none."""

    fact: str
    left: Fact
    right: Fact
    known: str = ""


@dataclass
class ScenarioComparison:
    name: str
    same: int = 0
    different: list[Difference] = field(default_factory=list)
    not_comparable: list[str] = field(default_factory=list)
    """Facts that only one side has, each with which."""

    @property
    def equal(self) -> bool:
        return not self.not_comparable and all(difference.known for difference in self.different)


def compare_reports(
    left: Mapping[str, Any],
    right: Mapping[str, Any],
    tolerance: float = TOLERANCE,
    known: Mapping[str, str] | None = None,
) -> list[ScenarioComparison]:
    """Two documents of ``report.json``. ``known`` lists differences to expect: pattern of facts -> reason."""
    sides = [{scenario["name"]: scenario for scenario in side["scenarios"]} for side in (left, right)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [_compare(name, sides[0].get(name), sides[1].get(name), tolerance, known or {}) for name in names]


def _compare(
    name: str,
    left: Mapping[str, Any] | None,
    right: Mapping[str, Any] | None,
    tolerance: float,
    known: Mapping[str, str],
) -> ScenarioComparison:
    if left is None or right is None:
        return ScenarioComparison(
            name, not_comparable=[f"the scenario was run on the {'right' if left is None else 'left'} only"]
        )
    return compare_facts(name, scenario_facts(left), scenario_facts(right), tolerance, known)


def compare_facts(
    name: str, left: Facts, right: Facts, tolerance: float, known: Mapping[str, str]
) -> ScenarioComparison:
    found = ScenarioComparison(name)
    for fact in dict.fromkeys([*left, *right]):
        reason = next((why for pattern, why in known.items() if fnmatch.fnmatch(fact, pattern)), "")
        if fact not in left or fact not in right:
            if reason:
                found.different.append(Difference(fact, left.get(fact), right.get(fact), reason))
            else:
                found.not_comparable.append(f"{fact}: on the {'left' if fact in left else 'right'} only")
        elif agree(left[fact], right[fact], tolerance):
            found.same += 1
        else:
            found.different.append(Difference(fact, left[fact], right[fact], reason))
    return found


def agree(left: Fact, right: Fact, tolerance: float) -> bool:
    if isinstance(left, float) and isinstance(right, float):
        both_nan = math.isnan(left) and math.isnan(right)
        return both_nan or math.isclose(left, right, rel_tol=tolerance, abs_tol=tolerance)
    if isinstance(left, str) and isinstance(right, str):
        return left == right or _lists_agree(left, right, tolerance)
    return left == right


def _lists_agree(left: str, right: str, tolerance: float) -> bool:
    """Text of numbers, as model servers answer: the same numbers in other decimals are the same answer."""
    ours, theirs = _numbers(left), _numbers(right)
    pairs = zip(ours, theirs, strict=False)
    return bool(ours) and len(ours) == len(theirs) and all(agree(a, b, tolerance) for a, b in pairs)


def _numbers(text: str) -> Sequence[float]:
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return ()


def in_words(comparisons: Sequence[ScenarioComparison], left: str, right: str) -> Iterator[str]:
    """Lines for people: what differs first, each with both values."""
    for comparison in comparisons:
        verdict = "same" if comparison.equal else "different"
        yield f"{comparison.name}: {verdict} ({comparison.same} facts agree)"
        for difference in comparison.different:
            if difference.known:
                yield f"  ~ {difference.fact}: known difference: {difference.known}"
            else:
                yield f"  ≠ {difference.fact}"
                yield f"      {left}: {difference.left!r}"
                yield f"      {right}: {difference.right!r}{_distance(difference)}"
        for fact in comparison.not_comparable:
            yield f"  ? {fact}"


def _distance(difference: Difference) -> str:
    left, right = difference.left, difference.right
    if isinstance(left, bool) or not isinstance(left, float) or not isinstance(right, float):
        return ""
    return f"  ({right - left:+.3g})"
