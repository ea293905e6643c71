"""The facts of a report that can be compared: a flat table without what differs from run to run (names, ids, times)."""

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
"""Version of the facts' names and values; recordings of another version cannot be compared. Raise it on any change."""
ARTIFACTS = "artifacts"
TEARDOWN = "Tear down on AWS"
"""The step that a run on AWS adds to the scenario's own."""
_RUN_SPECIFIC_KINDS = frozenset(["MonitoringExecutions", "cost"])
"""Kinds of evidence that only say when and how long something ran."""
_RUN_SPECIFIC_MEMBERS = frozenset(["eventId", "inferenceTime", "sketch"])
"""Members that differ in each run: ids and times of captured records, and the random samples within statistics."""
_REFERENCE = re.compile(r"<[a-zA-Z]+(?: \d+)?>")
_SHOWN_OF_A_PAYLOAD = 24


def scenario_facts(scenario: Mapping[str, Any]) -> Facts:
    """Return the facts of one scenario of ``report.json``, by their paths."""
    references = Normaliser(scenario)
    facts: Facts = {}
    for path, value in _flatten_scenario(scenario, references):
        facts[references.normalise(path)] = _normalise(value, references)
    return facts


def _flatten_scenario(scenario: Mapping[str, Any], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    yield from _flatten_steps(scenario)
    yield from _flatten_resources(scenario["resources"], references)
    yield from _flatten_evidence([each for each in scenario["evidence"] if each.get("step") != TEARDOWN], references)


def _normalise(value: Fact, references: Normaliser) -> Fact:
    if isinstance(value, str):
        # In rows of numbers, ten digits are no time and twelve digits no account.
        data = parse_numbers(value) and not value.strip().isdigit()
        return references.replace_own(value) if data else references.normalise(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)  # JSON cannot express NaN and infinity
    return value


def parse_numbers(text: str) -> list[float]:
    """Parse a text that holds nothing but numbers, as model servers answer; return an empty list for any other text."""
    try:
        return [float(word) for word in text.replace(",", " ").split()]
    except ValueError:
        return []


def _flatten_steps(scenario: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    yield "passed", scenario["passed"]
    for step in scenario["steps"]:
        if step["name"] == TEARDOWN:
            continue
        yield f"steps/{step['name']}", step["state"]
        for number, expectation in enumerate(step["expectations"], 1):
            yield f"steps/{step['name']}/expectation {number}", expectation["passed"]


def _flatten_resources(resources: list[Mapping[str, Any]], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    for resource in resources:
        at = f"{resource['kind']} {references.positions[resource['kind'], resource['name']]}"
        description = mask(resource["description"])
        yield f"{at}/status", resource["status"]
        if image := _image_name(description):
            yield f"{at}/image", image
        for metric in description.get("FinalMetricDataList", []):
            yield f"{at}/metrics/{metric['MetricName']}", float(metric["Value"])
        yield from _flatten(f"{at}/HyperParameters", description.get("HyperParameters", {}))
        yield from _flatten(f"{at}/curves", resource["curves"])


def _image_name(description: Mapping[str, Any]) -> str:
    """Return the repository and tag of a job's image, without the registry, which differs between regions."""
    training, processing = description.get("AlgorithmSpecification", {}), description.get("AppSpecification", {})
    return str(training.get("TrainingImage") or processing.get("ImageUri") or "").rpartition("/")[2]


def _flatten_evidence(evidence: list[Mapping[str, Any]], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    for each in evidence:
        content = dict(each["content"])
        if each["kind"] in _RUN_SPECIFIC_KINDS or not content.pop("compared", True):
            continue
        title = each["title"]
        if each["kind"] == "artifact":
            yield from _flatten_artifact(title, content, references)
        elif each["kind"] == "table":
            yield from _flatten_table(title, content, references)
        else:
            yield from _flatten_documents(title, content)


def _flatten_documents(title: str, content: dict[str, Any]) -> Iterator[tuple[str, Fact]]:
    """Flatten a monitor's violations by feature, captured records by request, and anything else by its members."""
    if "violations" in content:
        yield from _flatten_violations(f"{title}/violations", content.pop("violations") or {})
    if _are_captured(content.get("records")):
        yield from _flatten_capture(f"{title}/records", content.pop("records"))
    yield from _flatten(title, content)


def _flatten_violations(at: str, document: Mapping[str, Any]) -> Iterator[tuple[str, Fact]]:
    """Name violations by feature and check, so that one more does not rename the others."""
    for violation in document.get("violations", []):
        yield f"{at}/{violation['feature_name']}/{violation['constraint_check_type']}", violation["description"]


def _are_captured(records: Any) -> bool:
    return isinstance(records, list) and all(isinstance(each, dict) and "captureData" in each for each in records)


def _flatten_capture(at: str, records: list[dict[str, Any]]) -> Iterator[tuple[str, Fact]]:
    """Name each record by its request, because concurrent requests are captured in any order."""
    yield f"{at}/count", float(len(records))
    keyed: dict[str, list[tuple[str, dict[str, Any]]]] = {}
    for record in records:
        request = str(record["captureData"].get("endpointInput", {}).get("data", ""))
        answer = str(record["captureData"].get("endpointOutput", {}).get("data", ""))
        keyed.setdefault(_payload_key(request), []).append((answer, record))
    for key, alike in keyed.items():
        for number, (_, record) in enumerate(sorted(alike, key=lambda each: each[0]), 1):
            data = {side: dict(value) for side, value in record["captureData"].items()}
            data.get("endpointInput", {}).pop("data", None)  # it is the key
            name = key if len(alike) == 1 else f"{key} {number}"
            yield from _flatten(f"{at}/{name}", {**record, "captureData": data})


def _payload_key(text: str) -> str:
    """Return the beginning of a payload and a digest of all of it; numbers count by value, not as they are printed."""
    canonical = " ".join(f"{number:.6g}" for number in parse_numbers(text)) or text
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:8]
    shown = re.sub(r"[^\w.,-]+", " ", text[:_SHOWN_OF_A_PAYLOAD]).strip()
    return f"{shown}… #{digest}"


def _flatten_table(title: str, content: Mapping[str, Any], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    """Name each row by its texts, so that neither the order nor one more row renames the others; then add its numbers.

    Rows with the same texts are numbered.
    """
    columns = [str(column) for column in content.get("columns", [])]
    yield f"{title}/columns", ", ".join(columns)
    seen: dict[str, int] = {}
    for row in content.get("rows", []):
        cells = dict(zip(columns, row, strict=False))
        words = [references.normalise(cell) for cell in cells.values() if isinstance(cell, str)]
        key = " | ".join(words) or "row"
        seen[key] = seen.get(key, 0) + 1
        path = f"{title}/{key}" if seen[key] == 1 else f"{title}/{key} ({seen[key]})"
        yield path, True
        yield from _flatten(path, {name: cell for name, cell in cells.items() if not isinstance(cell, str)})


def _flatten_artifact(title: str, content: Mapping[str, Any], references: Normaliser) -> Iterator[tuple[str, Fact]]:
    """List the names, sizes and kinds of the files in an archive or below a prefix."""
    listed: dict[str, list[Mapping[str, Any]]] = {}
    for each in content.get("holds", []):
        listed.setdefault(references.normalise(each["name"]), []).append(each)
    for name, alike in listed.items():
        at = f"{ARTIFACTS}/{title.rstrip('/')}/{name}"
        if len(alike) > 1 or _REFERENCE.search(name.rpartition("/")[2]):
            yield at, "there"  # files named by their time: how many there are depends on the time as well
        else:
            yield from _flatten(at, {key: value for key, value in alike[0].items() if key != "name"})


def _flatten(at: str, value: Any) -> Iterator[tuple[str, Fact]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _RUN_SPECIFIC_MEMBERS:
                yield from _flatten(f"{at}/{key}", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _flatten(f"{at}/{_entry_name(inner, number)}", inner)
    elif isinstance(value, bool) or value is None or isinstance(value, str):
        yield at, value
    else:
        yield at, float(value)


def _entry_name(inner: Any, number: int) -> str:
    """Return the name of a list's entry (a feature of statistics has one), else its position."""
    return str(inner["name"]) if isinstance(inner, Mapping) and "name" in inner else str(number)
