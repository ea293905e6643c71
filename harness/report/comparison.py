"""Comparison of two runs of the same scenarios: which facts agree, which differ, and which cannot be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from harness.report.differences import KNOWN, Difference, NotComparable, ScenarioComparison, agree
from harness.report.facts import ARTIFACTS, Fact, Facts, scenario_facts
from harness.report.versions import OtherRelease

TOLERANCE = 1e-6
OWN_TOLERANCES = {f"{ARTIFACTS}/*/bytes": 0.1, "*/image": 0.0}
"""Tolerances that always hold: compressed files of the same content differ a little in size, and a version in an
image's tag is compared as text, not as a number."""
_SHOWN = 10
"""How many lines of a group are printed; the others are counted."""


@dataclass(frozen=True)
class ComparisonRules:
    """The differences that are allowed.

    ``tolerances`` and ``known`` map patterns of facts to a tolerance, and to the reason of a known difference.
    The first pattern that matches counts.
    """

    tolerance: float = TOLERANCE
    tolerances: Mapping[str, float] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    releases: Sequence[OtherRelease] = ()
    """Libraries of which both sides used different releases; facts that depend on them are not compared."""

    def tolerance_of(self, fact: str) -> float:
        """Return the relative tolerance for the numbers of a fact."""
        own: float | None = _first_match({**self.tolerances, **OWN_TOLERANCES}, fact)
        return self.tolerance if own is None else own


def compare_reports(
    left: Mapping[str, Any],
    right: Mapping[str, Any],
    tolerance: float = TOLERANCE,
    known: Mapping[str, str] | None = None,
    tolerances: Mapping[str, float] | None = None,
) -> list[ScenarioComparison]:
    """Compare two documents of ``report.json``. ``known`` maps patterns of facts to the reason why they differ."""
    rules = ComparisonRules(tolerance, tolerances or {}, known or {})
    return compare_scenarios(left, right, lambda name: rules)


def compare_scenarios(
    left: Mapping[str, Any], right: Mapping[str, Any], rules_of: Callable[[str], ComparisonRules]
) -> list[ScenarioComparison]:
    """Compare two documents of ``report.json``; ``rules_of`` returns the rules for a scenario's name."""
    sides = [{scenario["name"]: scenario for scenario in side["scenarios"]} for side in (left, right)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [_compare(name, sides[0].get(name), sides[1].get(name), rules_of(name)) for name in names]


def _compare(
    name: str, left: Mapping[str, Any] | None, right: Mapping[str, Any] | None, rules: ComparisonRules
) -> ScenarioComparison:
    if left is None or right is None:
        only = NotComparable("the scenario", f"on the {'right' if left is None else 'left'} only")
        return ScenarioComparison(name, not_comparable=[only])
    return compare_facts(name, scenario_facts(left), scenario_facts(right), rules)


def compare_facts(name: str, left: Facts, right: Facts, rules: ComparisonRules) -> ScenarioComparison:
    """Compare the facts of two runs of the scenario ``name``."""
    comparison = ScenarioComparison(name)
    for fact in dict.fromkeys([*left, *right]):
        both = fact in left and fact in right
        if release := _release_behind(rules.releases, fact, left.get(fact), right.get(fact)):
            # Not counted as the same if they agree either: that would be chance.
            comparison.set_aside.append(NotComparable(fact, str(release)))
        elif both and agree(left[fact], right[fact], rules.tolerance_of(fact)):
            comparison.same += 1
        elif reason := _first_match(rules.known, fact):
            comparison.different.append(Difference(fact, left.get(fact), right.get(fact), reason))
        elif both:
            comparison.different.append(Difference(fact, left[fact], right[fact]))
        else:
            comparison.not_comparable.append(NotComparable(fact, f"on the {'left' if fact in left else 'right'} only"))
    return comparison


def _release_behind(releases: Sequence[OtherRelease], fact: str, *values: Fact) -> OtherRelease | None:
    """Return the release that a fact depends on, None if there is none."""
    return next((release for release in releases if any(release.concerns(fact, value) for value in values)), None)


def _first_match(patterns: Mapping[str, Any], fact: str) -> Any:
    return next((value for pattern, value in patterns.items() if fnmatchcase(fact, pattern)), None)


def format_comparisons(comparisons: Sequence[ScenarioComparison], left: str, right: str) -> Iterator[str]:
    """Yield lines of text: a summary of each scenario, then its differences by topic, the largest first."""
    for comparison in comparisons:
        yield f"{comparison.name}: {comparison.verdict} ({_counts(comparison)})"
        yield from (f"  note: {note}" for note in comparison.notes)
        yield from _format_groups(comparison.unknown, lambda each: _format_difference(each, left, right))
        yield from _format_groups(comparison.not_comparable, lambda each: [f"? {_name_side(each, left, right)}"])
        yield from _format_set_aside(comparison.set_aside, left, right)
        yield from _format_known(comparison.known)


def _counts(comparison: ScenarioComparison) -> str:
    incomparable = len(comparison.not_comparable) + len(comparison.set_aside)
    counts = {"differ": len(comparison.unknown), "not comparable": incomparable, f"{KNOWN}s": len(comparison.known)}
    others = [f"{count} {what}" for what, count in counts.items() if count]
    return ", ".join([f"{comparison.same} facts agree", *others])


def _format_groups(entries: Sequence[Any], lines: Callable[[Any], list[str]]) -> Iterator[str]:
    groups: dict[str, list[Any]] = {}
    for each in entries:
        groups.setdefault(each.fact.partition("/")[0], []).append(each)
    for about, members in groups.items():
        yield f"  {about}:"
        yield from (f"    {line}" for member in members[:_SHOWN] for line in lines(member))
        if len(members) > _SHOWN:
            yield f"    … and {len(members) - _SHOWN} more (--json lists them all)"


def _format_difference(difference: Difference, left: str, right: str) -> list[str]:
    distance = "" if difference.distance is None else f"  ({difference.distance:+.3g})"
    return [
        f"≠ {difference.fact}",
        f"    {left}: {_short(difference.left)}",
        f"    {right}: {_short(difference.right)}{distance}",
    ]


def _name_side(each: NotComparable, left: str, right: str) -> str:
    """Describe a fact of one side, with that side's name in place of "left" or "right"."""
    for side, name in (("left", left), ("right", right)):
        if each.why == f"on the {side} only":
            return f"{each.fact}: only in {name}"
    return str(each)


def _format_set_aside(entries: Sequence[NotComparable], left: str, right: str) -> Iterator[str]:
    for why in dict.fromkeys(each.why for each in entries):
        count = sum(each.why == why for each in entries)
        releases = why.replace("on the left", f"in {left}").replace("on the right", f"in {right}")
        yield f"  ? {count} facts depend on a library and are not compared: {releases} (--anyway compares them)"


def _format_known(known: Sequence[Difference]) -> Iterator[str]:
    """Yield one line for each reason: a reason is stated for a pattern, which many facts may match."""
    for reason in dict.fromkeys(each.known for each in known):
        facts = [each.fact for each in known if each.known == reason]
        more = f" and {len(facts) - 1} more" if len(facts) > 1 else ""
        yield f"  ~ {facts[0]}{more}: {KNOWN}: {reason}"


def _short(value: Fact) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
