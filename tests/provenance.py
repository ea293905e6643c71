"""The origin of what each test expects of AWS, read from the test files without importing them.

``pytest.mark.provenance(word, source=...)`` stands in ``pytestmark`` for a module, and on a test that differs from it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

TESTS = Path(__file__).parent
PACKAGES = ("services", "engine", "contract", "images", "clients")
WORDS = {
    "recorded": "AWS answered so in a recording, issue, notebook or book that is named",
    "documented": "AWS's documentation, botocore's API model or the source code of AWS's clients and images says so",
    "assumed": "the documents leave it open, or only reports that cannot be named say so",
}
OWN = "harness's own behaviour"
"""The source of "assumed" where AWS has nothing to compare with: recovery, full disks, refusals of missing features."""


class Provenance(NamedTuple):
    """A word of ``WORDS`` and the document, issue or recording behind it."""

    word: str
    source: str


def modules() -> list[Path]:
    return [file for package in PACKAGES for file in sorted((TESTS / package).rglob("test_*.py"))]


def module_marks(tree: ast.Module) -> list[Provenance]:
    """Return the marks in a module's ``pytestmark``."""
    values = [
        node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        if any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)
    ]
    marks = [mark for value in values for mark in (value.elts if isinstance(value, ast.List) else [value])]
    return list(_provenances(marks))


def function_marks(tree: ast.Module) -> dict[str, list[Provenance]]:
    """Return the marks of each test function itself, which go before those of its module."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return {node.name: list(_provenances(node.decorator_list)) for node in functions if node.name.startswith("test_")}


def _provenances(marks: list[ast.expr]) -> Iterator[Provenance]:
    for mark in marks:
        if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.provenance":
            words = [ast.literal_eval(argument) for argument in mark.args]
            named = {keyword.arg: ast.literal_eval(keyword.value) for keyword in mark.keywords}
            yield Provenance(" ".join(map(str, words)), str(named.get("source", "")))


def of_package(package: str) -> list[Provenance]:
    """Return where the expectation of each test function of a package comes from."""
    found = []
    for file in sorted((TESTS / package).rglob("test_*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        default = module_marks(tree)
        found += [(marks or default)[0] for marks in function_marks(tree).values()]
    return found
