"""``Normaliser``: what is a run's own (accounts, buckets, names, ids) as numbered words, equal things by equal words.

Times lose even their number: when a thing happened is never a finding.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

_ACCOUNT_IN = re.compile(r"arn:[\w-]+:[\w-]*:[\w-]*:(\d{12}):|\b(\d{12})\.dkr\.ecr\.|sagemaker-[a-z\d-]+-(\d{12})\b")
_BUCKET_IN = re.compile(r"s3://([a-z\d][a-z\d.-]{1,61}[a-z\d])(?=/|$|[\"\s])")
_REGION_IN = re.compile(r"arn:[\w-]+:sagemaker:([a-z]{2}(?:-[a-z]+)+-\d):")
_ROLE_IN = re.compile(r"arn:[\w-]+:iam::\d{12}:role/([\w+=,.@/-]+)")
_RUN = re.compile(r"\b\d{8}-\d{6}-[0-9a-f]{4}\b")

# In the order they are looked for: what a longer pattern names must not be cut by a shorter one.
_VARYING = (
    ("id", re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b")),
    ("id", re.compile(r"(?<=-)[0-9a-f]{24}\b")),
    ("run", _RUN),
    ("time", re.compile(r"\d{4}-\d\d-\d\d[T -]\d\d[:-]\d\d[:-]\d\d(?:[.,-]\d+)?(?:Z|[+-]\d\d:?\d\d)?")),
    ("time", re.compile(r"(?<=/)\d{4}/\d\d/\d\d/\d\d(?=/|$)")),
    ("time", re.compile(r"(?<=-)\d{10}-[0-9a-f]{4}\b")),  # the SDKs' unique names
    ("time", re.compile(r"(?<![\d.])20\d\d[01]\d[0-3]\d[0-2]\d[0-5]\d(?:[0-5]\d(?:\d{3})?)?(?![\d.])")),
    ("account", re.compile(r"(?<![\d.])\d{12}(?![\d.])")),
    ("address", re.compile(r"https?://(?:127\.0\.0\.1|localhost)(?::\d+)?")),
)


class Normaliser:
    """Made of one scenario of a report: its own account and bucket come first, whatever else is named later."""

    def __init__(self, scenario: Mapping[str, Any]) -> None:
        self._words: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._literal: dict[str, str] = {}
        self.positions = _positions(scenario["resources"])
        for (kind, name), number in sorted(self.positions.items()):
            # A name with the run's id in it is told apart by the rest of it, whatever it is the name of.
            if runs := _RUN.findall(name):
                self._word("run", runs[0])
            else:
                self._literal.setdefault(name, f"<{kind} {number}>")
        for text in _texts(scenario):
            self._learn(text)
        # The longest first: a bucket's name holds its account's. Whole words only: a job may be called "a".
        longest = sorted(self._literal, key=len, reverse=True)
        self._own = re.compile(f"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, longest))})(?![A-Za-z0-9])")

    def scrubbed(self, text: str) -> str:
        text = self.without_own(text)
        for kind, pattern in _VARYING:
            text = pattern.sub(lambda found, kind=kind: self._word(kind, found[0]), text)  # type: ignore[misc]
        return text

    def without_own(self, text: str) -> str:
        """Only what this run is known to own is replaced; nothing is guessed from how it looks."""
        return self._own.sub(lambda found: self._literal[found[0]], text) if self._literal else text

    def _learn(self, text: str) -> None:
        for kind, pattern in (("account", _ACCOUNT_IN), ("bucket", _BUCKET_IN), ("role", _ROLE_IN)):
            for found in pattern.finditer(text):
                own = next(group for group in found.groups() if group)
                self._literal.setdefault(own, self._word(kind, own))
        for found in _REGION_IN.finditer(text):
            self._literal.setdefault(found[1], "<region>")

    def _word(self, kind: str, own: str) -> str:
        if kind in ("time", "address"):
            return f"<{kind}>"
        if (kind, own) not in self._words:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._words[kind, own] = f"<{kind} {self._counts[kind]}>"
        return self._words[kind, own]


def _positions(resources: list[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Which one of its kind each resource is: by its name without the run's own part, then as they were created.

    Jobs that a scenario starts at the same time are created in any order.
    """
    kinds: dict[str, list[str]] = {}
    for resource in resources:
        kinds.setdefault(resource["kind"], []).append(resource["name"])
    return {
        (kind, name): number
        for kind, names in kinds.items()
        for number, name in enumerate(sorted(dict.fromkeys(names), key=_stem), 1)
    }


def _stem(name: str) -> str:
    for _, pattern in _VARYING:
        name = pattern.sub("", name)
    return name


def _texts(scenario: Mapping[str, Any]) -> Iterator[str]:
    """Where accounts, buckets and roles are looked for: the descriptions first, which name the run's own."""
    for resource in scenario["resources"]:
        yield json.dumps(resource["description"], default=str)
    for evidence in scenario["evidence"]:
        yield json.dumps(evidence["content"], default=str)
