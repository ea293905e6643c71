"""Releases of libraries that facts hang on: which facts say nothing when two runs used different ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.report.facts import ARTIFACTS, Fact, numbers

_MATTERING = {"xgboost": 2, "sagemaker": 1}
"""How many parts of a version make another release: a model may change with 3.1, a request with SDK 3."""


@dataclass(frozen=True)
class OtherRelease:
    library: str
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.library} {self.left} on the left, {self.right} on the right"

    def concerns(self, fact: str, value: Fact) -> bool:
        asked = "/HyperParameters/" in fact or fact.startswith(f"{ARTIFACTS}/")
        if self.library == "sagemaker":
            return asked or fact.endswith("/image")
        counted = isinstance(value, float) or (isinstance(value, str) and bool(numbers(value)))
        return (counted and not asked) or fact.endswith("/bytes")


def other_releases(left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[OtherRelease]:
    """A library that one side does not name is not known to be another."""
    for library, parts in _MATTERING.items():
        ours, theirs = left.get(library), right.get(library)
        if ours and theirs and ours.split(".")[:parts] != theirs.split(".")[:parts]:
            yield OtherRelease(library, ours, theirs)
