"""What ``Expectations`` offers, and the strategies of property-based scenarios."""

from __future__ import annotations

import inspect
from types import ModuleType

from harness.asserts import Expectations, classification
from harness.asserts import requests as request_strategies
from harness.asserts import rows as row_strategies
from harness.asserts import schema as schemas
from tests.docs.reference.markdown import call, document, prose, returned


def page() -> str:
    nouns = [kind for kind in reversed(Expectations.__mro__) if kind not in (object, Expectations)]
    parts = [part for noun in nouns for part in _noun(noun)]
    strategies = [part for module in (schemas, row_strategies, request_strategies) for part in _functions(module)]
    return document(
        "Expectations",
        "`expect = Expectations(session)`; in a test of your own, the fixture `harness_expectations`. Each method "
        "waits as long as the thing takes, and fails with what was expected, what was found and where to look further.",
        *parts,
        "## Scores",
        "In `harness.asserts`.",
        _entry("classification", classification),
        "## Property-based",
        "In `harness.asserts.schema`, `harness.asserts.rows` and `harness.asserts.requests`; "
        "they are [hypothesis](https://hypothesis.readthedocs.io) strategies.",
        *strategies,
    )


def _noun(noun: type) -> list[str]:
    methods = [
        (name, member) for name, member in vars(noun).items() if inspect.isfunction(member) and not name.startswith("_")
    ]
    if not methods:
        return []
    return [f"## {noun.__name__}", prose(noun.__doc__), *(_entry(name, member, 1) for name, member in methods)]


def _functions(module: ModuleType) -> list[str]:
    return [
        _entry(name, member)
        for name, member in vars(module).items()
        if inspect.isfunction(member) and member.__module__ == module.__name__ and not name.startswith("_")
    ]


def _entry(name: str, function: object, skip: int = 0) -> str:
    assert callable(function)
    gives = returned(function)
    arrow = f" → `{gives}`" if gives else ""
    return f"**`{call(name, function, skip)}`**{arrow}\n\n{prose(function.__doc__)}".rstrip()
