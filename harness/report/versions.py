"""Releases of libraries: which facts cannot be compared when two runs used different releases."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from harness.report.facts import ARTIFACTS, Fact, parse_numbers

_SIGNIFICANT_PARTS = {"xgboost": 2, "sagemaker": 1}
"""How many parts of a version count: models may change from xgboost 3.0 to 3.1, requests from SDK 2 to 3."""


@dataclass(frozen=True)
class OtherRelease:
    """A library of which both sides used different releases."""

    library: str
    left: str
    right: str

    def __str__(self) -> str:
        return f"{self.library} {self.left} on the left, {self.right} on the right"

    def concerns(self, fact: str, value: Fact) -> bool:
        """Tell whether the fact may differ because of the library alone."""
        from_request = "/HyperParameters/" in fact or fact.startswith(f"{ARTIFACTS}/")
        if self.library == "sagemaker":
            return from_request or fact.endswith("/image")
        numeric = isinstance(value, float) or (isinstance(value, str) and bool(parse_numbers(value)))
        return (numeric and not from_request) or fact.endswith("/bytes")


def different_releases(left: Mapping[str, str], right: Mapping[str, str]) -> Iterator[OtherRelease]:
    """Yield the libraries of different releases; one that a side does not name is taken to be the same."""
    for library, parts in _SIGNIFICANT_PARTS.items():
        ours, theirs = left.get(library), right.get(library)
        if ours and theirs and ours.split(".")[:parts] != theirs.split(".")[:parts]:
            yield OtherRelease(library, ours, theirs)
