"""Two runs of the same scenarios, fact by fact: what is the same, what differs, what cannot be compared."""

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
"""Compressed and printed, the same content takes a little more or less room; a version in a tag is no number."""
_SHOWN = 10
"""Lines of a group before the rest is only counted."""


@dataclass(frozen=True)
class Allowed:
    """What two sides may differ in. Of patterns of facts the first that fits counts; ``known`` has their reasons."""

    tolerance: float = TOLERANCE
    tolerances: Mapping[str, float] = field(default_factory=dict)
    known: Mapping[str, str] = field(default_factory=dict)
    releases: Sequence[OtherRelease] = ()
    """Libraries of different releases; what hangs on them is set aside."""

    def of(self, fact: str) -> float:
        found = _first({**self.tolerances, **OWN_TOLERANCES}, fact)
        return self.tolerance if found is None else found


def compare_reports(
    left: Mapping[str, Any],
    right: Mapping[str, Any],
    tolerance: float = TOLERANCE,
    known: Mapping[str, str] | None = None,
    tolerances: Mapping[str, float] | None = None,
) -> list[ScenarioComparison]:
    """Two documents of ``report.json``. ``known`` lists differences to expect: pattern of facts -> reason."""
    allowed = Allowed(tolerance, tolerances or {}, known or {})
    return compare_scenarios(left, right, lambda name: allowed)


def compare_scenarios(
    left: Mapping[str, Any], right: Mapping[str, Any], allowed: Callable[[str], Allowed]
) -> list[ScenarioComparison]:
    """As ``compare_reports``, with what is allowed told for each scenario by its name."""
    sides = [{scenario["name"]: scenario for scenario in side["scenarios"]} for side in (left, right)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [_compare(name, sides[0].get(name), sides[1].get(name), allowed(name)) for name in names]


def _compare(
    name: str, left: Mapping[str, Any] | None, right: Mapping[str, Any] | None, allowed: Allowed
) -> ScenarioComparison:
    if left is None or right is None:
        only = NotComparable("the scenario", f"on the {'right' if left is None else 'left'} only")
        return ScenarioComparison(name, not_comparable=[only])
    return compare_facts(name, scenario_facts(left), scenario_facts(right), allowed)


def compare_facts(name: str, left: Facts, right: Facts, allowed: Allowed) -> ScenarioComparison:
    found = ScenarioComparison(name)
    for fact in dict.fromkeys([*left, *right]):
        both = fact in left and fact in right
        if release := _hangs_on(allowed.releases, fact, left.get(fact), right.get(fact)):
            found.set_aside.append(NotComparable(fact, str(release)))  # that they agree would say nothing either
        elif both and agree(left[fact], right[fact], allowed.of(fact)):
            found.same += 1
        elif reason := _first(allowed.known, fact):
            found.different.append(Difference(fact, left.get(fact), right.get(fact), reason))
        elif both:
            found.different.append(Difference(fact, left[fact], right[fact]))
        else:
            found.not_comparable.append(NotComparable(fact, f"on the {'left' if fact in left else 'right'} only"))
    return found


def _hangs_on(releases: Sequence[OtherRelease], fact: str, *values: Fact) -> OtherRelease | None:
    return next((release for release in releases if any(release.concerns(fact, value) for value in values)), None)


def _first(patterns: Mapping[str, Any], fact: str) -> Any:
    return next((value for pattern, value in patterns.items() if fnmatchcase(fact, pattern)), None)


def in_words(comparisons: Sequence[ScenarioComparison], left: str, right: str) -> Iterator[str]:
    """Lines for people: a summary of each scenario, then its findings by what they are about, the worst first."""
    for comparison in comparisons:
        yield f"{comparison.name}: {comparison.verdict} ({_counts(comparison)})"
        yield from (f"  note: {note}" for note in comparison.notes)
        yield from _grouped(comparison.unknown, lambda each: _difference(each, left, right))
        yield from _grouped(comparison.not_comparable, lambda each: [f"? {_sided(each, left, right)}"])
        yield from _set_aside(comparison.set_aside, left, right)
        yield from _listed(comparison.known)


def _counts(comparison: ScenarioComparison) -> str:
    incomparable = len(comparison.not_comparable) + len(comparison.set_aside)
    counts = {"differ": len(comparison.unknown), "not comparable": incomparable, f"{KNOWN}s": len(comparison.known)}
    told = [f"{count} {what}" for what, count in counts.items() if count]
    return ", ".join([f"{comparison.same} facts agree", *told])


def _grouped(found: Sequence[Any], lines: Callable[[Any], list[str]]) -> Iterator[str]:
    groups: dict[str, list[Any]] = {}
    for each in found:
        groups.setdefault(each.fact.partition("/")[0], []).append(each)
    for about, members in groups.items():
        yield f"  {about}:"
        yield from (f"    {line}" for member in members[:_SHOWN] for line in lines(member))
        if len(members) > _SHOWN:
            yield f"    … and {len(members) - _SHOWN} more (--json lists them all)"


def _difference(difference: Difference, left: str, right: str) -> list[str]:
    distance = "" if difference.distance is None else f"  ({difference.distance:+.3g})"
    return [
        f"≠ {difference.fact}",
        f"    {left}: {_short(difference.left)}",
        f"    {right}: {_short(difference.right)}{distance}",
    ]


def _sided(each: NotComparable, left: str, right: str) -> str:
    for side, name in (("left", left), ("right", right)):
        if each.why == f"on the {side} only":
            return f"{each.fact}: only in {name}"
    return str(each)


def _set_aside(found: Sequence[NotComparable], left: str, right: str) -> Iterator[str]:
    for why in dict.fromkeys(each.why for each in found):
        count = sum(each.why == why for each in found)
        told = why.replace("on the left", f"in {left}").replace("on the right", f"in {right}")
        yield f"  ? {count} facts that hang on the release are not compared: {told} (--anyway compares them)"


def _listed(known: Sequence[Difference]) -> Iterator[str]:
    """By reason: a pattern stands for many facts."""
    for reason in dict.fromkeys(each.known for each in known):
        facts = [each.fact for each in known if each.known == reason]
        more = f" and {len(facts) - 1} more" if len(facts) > 1 else ""
        yield f"  ~ {facts[0]}{more}: {KNOWN}: {reason}"


def _short(value: Fact) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}…"
