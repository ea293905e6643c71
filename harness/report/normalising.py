"""Replacement of what belongs to one run (accounts, buckets, names, ids) by numbered placeholders like ``<bucket 1>``.

Equal values get equal placeholders. Times have no number, because they differ in each run and are never compared.
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

# In the order of replacement: a shorter pattern must not cut what a longer one matches.
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
    """Replaces what belongs to the run of one scenario. The run's own account and bucket get the number 1."""

    def __init__(self, scenario: Mapping[str, Any]) -> None:
        self._placeholders: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        self._literal: dict[str, str] = {}
        self.positions = _positions(scenario["resources"])
        for (kind, name), number in sorted(self.positions.items()):
            # In a name that holds the run's id only the id is replaced.
            if runs := _RUN.findall(name):
                self._placeholder("run", runs[0])
            else:
                self._literal.setdefault(name, f"<{kind} {number}>")
        for text in _texts(scenario):
            self._learn(text)
        # The longest first, because a bucket's name holds the account. Whole words only: a job's name may be "a".
        longest = sorted(self._literal, key=len, reverse=True)
        self._own = re.compile(f"(?<![A-Za-z0-9])(?:{'|'.join(map(re.escape, longest))})(?![A-Za-z0-9])")

    def normalise(self, text: str) -> str:
        """Replace what belongs to the run, and all that looks like an id, a time, an account or an address."""
        text = self.replace_own(text)
        for kind, pattern in _VARYING:
            text = pattern.sub(lambda match, kind=kind: self._placeholder(kind, match[0]), text)  # type: ignore[misc]
        return text

    def replace_own(self, text: str) -> str:
        """Replace only what is known to belong to the run."""
        return self._own.sub(lambda match: self._literal[match[0]], text) if self._literal else text

    def _learn(self, text: str) -> None:
        for kind, pattern in (("account", _ACCOUNT_IN), ("bucket", _BUCKET_IN), ("role", _ROLE_IN)):
            for match in pattern.finditer(text):
                own = next(group for group in match.groups() if group)
                self._literal.setdefault(own, self._placeholder(kind, own))
        for match in _REGION_IN.finditer(text):
            self._literal.setdefault(match[1], "<region>")

    def _placeholder(self, kind: str, own: str) -> str:
        if kind in ("time", "address"):
            return f"<{kind}>"
        if (kind, own) not in self._placeholders:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._placeholders[kind, own] = f"<{kind} {self._counts[kind]}>"
        return self._placeholders[kind, own]


def _positions(resources: list[Mapping[str, Any]]) -> dict[tuple[str, str], int]:
    """Number the resources of each kind by their names without times and ids, and equal names in order of creation.

    The order of creation alone would not do: a scenario may create jobs at the same time.
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
    """Yield the texts that accounts, buckets and roles are read from. Descriptions come first: they name the run's."""
    for resource in scenario["resources"]:
        yield json.dumps(resource["description"], default=str)
    for evidence in scenario["evidence"]:
        yield json.dumps(evidence["content"], default=str)
