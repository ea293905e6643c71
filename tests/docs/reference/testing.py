"""The pytest plugin: its fixtures, options and markers, as pytest is told them."""

from __future__ import annotations

import inspect
import re
from typing import Any

import pytest

from harness import pytest_plugin
from tests.docs.reference.markdown import document, in_cell, table


class _Told:
    """Stands in for pytest's parser and configuration, and keeps what the plugin declares."""

    def __init__(self) -> None:
        self.options: list[list[str]] = []
        self.settings: list[list[str]] = []
        self.markers: list[list[str]] = []

    def getgroup(self, *_names: str) -> _Told:
        return self

    def addoption(self, *names: str, **given: Any) -> None:
        metavar = f" {given['metavar']}" if "metavar" in given else ""
        self.options.append([", ".join(f"`{name}{metavar}`" for name in names), given["help"]])

    def addini(self, name: str, meaning: str, **given: Any) -> None:
        self.settings.append([f"`{name}`", f"`{given['default']}`", meaning])

    def addinivalue_line(self, _kind: str, line: str) -> None:
        marker, _, meaning = line.partition(": ")
        self.markers.append([f"`{marker}`", meaning])


def page() -> str:
    told = _Told()
    with pytest.MonkeyPatch.context() as patch:
        # One page for all machines, whatever other plugins are installed here.
        patch.setattr(pytest_plugin.importlib.util, "find_spec", lambda _name: None)
        pytest_plugin.pytest_addoption(told)  # type: ignore[arg-type]
    pytest_plugin.pytest_configure(told)  # type: ignore[arg-type]
    fixtures = [[f"`{name}`", in_cell(inspect.getdoc(_function(name)))] for name in _fixtures()]
    return document(
        "The pytest plugin",
        "How to use it is told in [in your own test suite](../pytest.md).",
        "## Fixtures",
        table(["fixture", "what it is"], fixtures),
        "## Options",
        table(["option", "meaning"], told.options),
        "## Settings of pytest",
        table(["key", "default", "meaning"], told.settings),
        "## Markers",
        table(["marker", "meaning"], told.markers),
    )


def _fixtures() -> list[str]:
    source = inspect.getsource(inspect.getmodule(_function("sagemaker_harness")) or pytest_plugin)
    return [name for name in re.findall(r"^def (\w+)", source, re.MULTILINE) if name in pytest_plugin.__all__]


def _function(name: str) -> Any:
    """What a fixture is made of; pytest 8.4 has an object around it, earlier ones a function."""
    return inspect.unwrap(getattr(pytest_plugin, name))
