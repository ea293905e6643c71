"""The comparable facts of a finished report: flat, and without what differs from run to run (names, ids, times)."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any

from harness.kernel.masking import mask
from harness.report.normalising import Normaliser

Fact = str | float | bool | None
Facts = dict[str, Fact]

FORMAT = 1
"""Raised when facts are named or valued in another way: recordings of another format cannot be compared."""
ARTIFACTS = "artifacts"
TEARDOWN = "Tear down on AWS"
"""The step that a place adds to the scenario's own."""
_OWN_TO_A_RUN = frozenset(["MonitoringExecutions", "cost"])
"""Evidence of when and how long something ran."""
_UNSEEN = frozenset(["eventId", "inferenceTime", "sketch"])
"""Members that are a run's own: of captured records, and the random samples within statistics."""
_REFERENCE = re.compile(r"<[a-zA-Z]+(?: \d+)?>")
_SHOWN_OF_A_PAYLOAD = 24


def scenario_facts(scenario: Mapping[str, Any]) -> Facts:
    """One scenario of ``report.json``, as ``path: value``."""
    references = Normaliser(scenario)
    facts: Facts = {}
    for path, value in _found(scenario, references):
        facts[references.scrubbed(path)] = _plain(value, references)
    return facts


def _found(scenario: Mapping[str, Any], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    yield from _told(scenario)
    yield from _resources(scenario["resources"], references)
    yield from _evidence([each for each in scenario["evidence"] if each.get("step") != TEARDOWN], references)


def _plain(value: Fact, references: Normaliser) -> Fact:
    if isinstance(value, str):
        # Numbers are data: ten digits of an answer are no time, twelve no account.
        data = numbers(value) and not value.strip().isdigit()
        return references.without_own(value) if data else references.scrubbed(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON has no word for it
    return value


def numbers(text: str) -> list[float]:
    """Text of nothing but numbers, as model servers answer; empty for any other."""
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return []


def _told(scenario: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    yield "passed", scenario["passed"]
    for step in scenario["steps"]:
        if step["name"] == TEARDOWN:
            continue
        yield f"steps/{step['name']}", step["state"]
        for number, expectation in enumerate(step["expectations"], 1):
            yield f"steps/{step['name']}/expectation {number}", expectation["passed"]


def _resources(resources: list[Mapping[str, Any]], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    for resource in resources:
        at = f"{resource['kind']} {references.positions[resource['kind'], resource['name']]}"
        description = mask(resource["description"])
        yield f"{at}/status", resource["status"]
        if image := _image(description):
            yield f"{at}/image", image
        for metric in description.get("FinalMetricDataList", []):
            yield f"{at}/metrics/{metric['MetricName']}", float(metric["Value"])
        yield from _flat(f"{at}/HyperParameters", description.get("HyperParameters", {}))
        yield from _flat(f"{at}/curves", resource["curves"])


def _image(description: Mapping[str, Any]) -> str:
    """Repository and tag: the registry is a region's own."""
    training, processing = description.get("AlgorithmSpecification", {}), description.get("AppSpecification", {})
    return str(training.get("TrainingImage") or processing.get("ImageUri") or "").rpartition("/")[2]


def _evidence(evidence: list[Mapping[str, Any]], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    for each in evidence:
        content = dict(each["content"])
        if each["kind"] in _OWN_TO_A_RUN or not content.pop("compared", True):
            continue
        title = each["title"]
        if each["kind"] == "artifact":
            yield from _artifact(title, content, references)
        elif each["kind"] == "table":
            yield from _table(title, content, references)
        else:
            yield from _documents(title, content)


def _documents(title: str, content: dict[str, Any]) -> Iterator[tuple[str, Fact]]:
    """The monitor's documents by what they mean, captured records by what was asked, anything else as it is."""
    if "violations" in content:
        yield from _violations(f"{title}/violations", content.pop("violations") or {})
    if _are_captured(content.get("records")):
        yield from _captured(f"{title}/records", content.pop("records"))
    yield from _flat(title, content)


def _violations(at: str, document: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    """By feature and check, so that one more does not shift the others."""
    for violation in document.get("violations", []):
        yield f"{at}/{violation['feature_name']}/{violation['constraint_check_type']}", violation["description"]


def _are_captured(records: Any) -> bool:
    return isinstance(records, list) and all(isinstance(each, dict) and "captureData" in each for each in records)


def _captured(at: str, records: list[dict[str, Any]]) -> Iterator[tuple[str, Fact]]:
    """Each under what was asked: concurrent requests are captured in any order."""
    yield f"{at}/count", float(len(records))
    keyed: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for record in records:
        asked = str(record["captureData"].get("endpointInput", {}).get("data", ""))
        answer = str(record["captureData"].get("endpointOutput", {}).get("data", ""))
        keyed.setdefault(_payload_key(asked), []).append((answer, record))
    for key, alike in keyed.items():
        for number, (_, record) in enumerate(sorted(alike, key=lambda each: each[0]), 1):
            data = {side: dict(value) for side, value in record["captureData"].items()}
            data.get("endpointInput", {}).pop("data", None)  # it is the key
            place = key if len(alike) == 1 else f"{key} {number}"
            yield from _flat(f"{at}/{place}", {**record, "captureData": data})


def _payload_key(text: str) -> str:
    """Enough to recognise it, and a digest of all of it; numbers by what they are worth, not how they are printed."""
    meant = " ".join(f"{number:.6g}" for number in numbers(text)) or text
    digest = hashlib.sha256(meant.encode()).hexdigest()[:8]
    shown = re.sub(r"[^\w.,-]+", " ", text[:_SHOWN_OF_A_PAYLOAD]).strip()
    return f"{shown}… #{digest}"


def _table(title: str, content: Mapping[str, Any], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    """Rows by their words, so that neither their order nor one more shifts the others; then each number by its column.

    Alike rows are told apart by their place.
    """
    columns = [str(column) for column in content.get("columns", [])]
    yield f"{title}/columns", ", ".join(columns)
    seen: dict[str, int] = {}
    for row in content.get("rows", []):
        cells = dict(zip(columns, row, strict=False))
        words = [references.scrubbed(cell) for cell in cells.values() if isinstance(cell, str)]
        key = " | ".join(words) or "row"
        seen[key] = seen.get(key, 0) + 1
        place = f"{title}/{key}" if seen[key] == 1 else f"{title}/{key} ({seen[key]})"
        yield place, True
        yield from _flat(place, {name: cell for name, cell in cells.items() if not isinstance(cell, str)})


def _artifact(title: str, content: Mapping[str, Any], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    """What an archive or a prefix holds: names, sizes and kinds, no bytes. A bare address is no finding."""
    listed: dict[str, list[Mapping[str, Any]]] = {}
    for each in content.get("holds", []):
        listed.setdefault(references.scrubbed(each["name"]), []).append(each)
    for name, alike in listed.items():
        at = f"{ARTIFACTS}/{title.rstrip('/')}/{name}"
        if len(alike) > 1 or _REFERENCE.search(name.rpartition("/")[2]):
            yield at, "there"  # files named by the moment: how many there are hangs on the moment as well
        else:
            yield from _flat(at, {key: value for key, value in alike[0].items() if key != "name"})


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
