"""The comparable facts of a finished report: flat, and without what differs from run to run (names, ids, times)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

Fact = str | float | bool | None
Facts = dict[str, Fact]

# In the order they are looked for: what a longer pattern names must not be cut by a shorter one.
_VARYING = (
    (re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"), "<uuid>"),
    (re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b"), "<run>"),
    (re.compile(r"\d{4}-\d\d-\d\d[T -]\d\d[:-]\d\d[:-]\d\d(?:[.,-]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"(?<=/)\d{4}/\d\d/\d\d/\d\d(?=/|$)"), "<hour>"),
    (re.compile(r"(?<![\d.])\d{12}(?![\d.])"), "<account>"),
)
_UNSEEN = frozenset(["eventId", "inferenceTime"])
"""Members of captured records that are a run's own."""
_OWN_TO_A_RUN = ("artifact", "MonitoringExecutions", "table")
"""Evidence that says where something lies and when it ran, or puts it beside earlier runs."""


def scenario_facts(scenario: Mapping[str, Any]) -> Facts:
    """One scenario of ``report.json``, as ``path: value``."""
    names = {resource["name"]: f"<{resource['kind']}>" for resource in scenario["resources"]}
    facts = dict(_told(scenario))
    for path, value in (*_resources(scenario["resources"]), *_evidence(scenario["evidence"])):
        facts[path] = _scrubbed(value, names) if isinstance(value, str) else value
    return facts


def _told(scenario: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    yield "passed", scenario["passed"]
    for step in scenario["steps"]:
        yield f"steps/{step['name']}", step["state"]
        for number, expectation in enumerate(step["expectations"], 1):
            yield f"steps/{step['name']}/expectation {number}", expectation["passed"]


def _resources(resources: list[Mapping[str, Any]]) -> Iterator[tuple[str, Fact]]:
    count: dict[str, int] = {}
    for resource in resources:
        kind = resource["kind"]
        count[kind] = count.get(kind, 0) + 1
        at = f"{kind} {count[kind]}"
        yield f"{at}/status", resource["status"]
        description = resource["description"]
        for metric in description.get("FinalMetricDataList", []):
            yield f"{at}/metrics/{metric['MetricName']}", float(metric["Value"])
        yield from _flat(f"{at}/HyperParameters", description.get("HyperParameters", {}))
        yield from _flat(f"{at}/curves", resource["curves"])


def _evidence(evidence: list[Mapping[str, Any]]) -> Iterator[tuple[str, Fact]]:
    for each in evidence:
        if each["kind"] in _OWN_TO_A_RUN:
            continue
        content = dict(each["content"])
        if "violations" in content:
            yield from _violations(f"{each['title']}/violations", content.pop("violations") or {})
        yield from _flat(each["title"], content)


def _violations(at: str, document: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    """By feature and check, so that one more does not shift the others."""
    for violation in document.get("violations", []):
        yield f"{at}/{violation['feature_name']}/{violation['constraint_check_type']}", violation["description"]


def _flat(at: str, value: Any) -> Iterator[tuple[str, Fact]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _UNSEEN:
                yield from _flat(f"{at}/{key}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flat(f"{at}/{_name(inner, number)}", inner)
    elif isinstance(value, bool) or value is None or isinstance(value, str):
        yield at, value
    else:
        yield at, float(value)


def _name(inner: Any, number: int) -> str:
    """Features of statistics by their names, everything else by its place."""
    return str(inner["name"]) if isinstance(inner, Mapping) and "name" in inner else str(number)


def _scrubbed(text: str, names: Mapping[str, str]) -> str:
    for name in sorted(names, key=len, reverse=True):
        text = text.replace(name, names[name])
    for pattern, reference in _VARYING:
        text = pattern.sub(reference, text)
    return text
