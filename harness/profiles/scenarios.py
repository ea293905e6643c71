"""The scenario files of a project, described from their own constants without importing them."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.kernel.errors import StateError
from harness.profiles.parity import claims_of, parity_problem

FOLDER = "scenarios"
GENERATIONS = ("v2", "v3")
EMULATOR = ("emulator", "engine", "services", "gateway", "stores", "runners", "contract", "protocol")
"""The parts of the harness that a scenario must not import: on AWS there are none."""


@dataclass(frozen=True)
class Scenario:
    """``sdk`` is the generation of the SageMaker SDK it is written for: "v2" or "v3"."""

    name: str
    file: Path
    title: str
    sdk: str
    tags: tuple[str, ...]
    imports: tuple[str, ...] = ()
    """The modules it imports anywhere, by their full names."""
    needs: tuple[str, ...] = ()
    """Parts of the machine it cannot do without, as ``harness.profiles.needs`` names them."""


def discover(root: Path) -> list[Scenario]:
    """Every readable scenario of the project, by name."""
    return read_all(root)[0]


def read_all(root: Path) -> tuple[list[Scenario], dict[str, str]]:
    """The scenarios of the project, and for each file that is none, by its stem, what is wrong with it."""
    scenarios, broken = [], {}
    for file in sorted((root / FOLDER).glob("*.py")):
        if is_private(file):
            continue
        try:
            scenarios.append(read(file))
        except StateError as error:
            broken[file.stem] = str(error)
    return scenarios, broken


def is_private(file: Path) -> bool:
    """Return True for a file that is no scenario: shared code and pytest's own files may lie beside them."""
    return file.name.startswith(("_", "test_")) or file.name == "conftest.py"


def choose(root: Path, selection: tuple[str, ...]) -> list[Scenario]:
    """Return the scenarios that are selected by name, by file or by ``tag:NAME``; without a name all readable ones.

    Raises ``StateError`` for a named file that is no scenario. Of unnamed ones ``read_all`` says what is wrong.
    """
    scenarios, broken = read_all(root)
    known = {scenario.name: scenario for scenario in scenarios}
    for word in selection or (() if known else broken):
        if word in broken:
            raise StateError(broken[word])
    if not known:
        raise StateError(f"no scenarios in {root / FOLDER}", "run this in a project that has some")
    chosen: dict[Path, Scenario] = {}
    for word in selection or tuple(known):
        for scenario in _matching(known, word):
            chosen[scenario.file] = scenario
    for scenario in chosen.values():
        if wrong := [module for module in scenario.imports if is_emulator(module)]:
            raise StateError(
                f"{scenario.file.name} imports {wrong[0]}, a part of the emulator, and on AWS there is none",
                "use boto3 or the SDK, harness.asserts and the session instead (see `harness validate`)",
            )
        if len(claims_of(scenario.file)) > 1:
            raise StateError(parity_problem(scenario.file))
    return list(chosen.values())


def is_emulator(module: str) -> bool:
    """Return True when the module, by its full name, is a part of the emulator."""
    parts = module.split(".")
    return parts[0] == "harness" and len(parts) > 1 and parts[1] in EMULATOR


def _matching(known: dict[str, Scenario], word: str) -> list[Scenario]:
    if word in known:
        return [known[word]]
    if word.startswith("tag:"):
        tagged = [scenario for scenario in known.values() if word[4:] in scenario.tags]
        if tagged:
            return tagged
    elif word.endswith(".py") and Path(word).is_file():
        return [read(Path(word).absolute())]
    raise UnknownScenario(f"no scenario {word!r}; known: {', '.join(known)}")


class UnknownScenario(Exception):
    """A name on the command line that names nothing."""


def read(file: Path) -> Scenario:
    """TITLE, SDK, TAGS and NEEDS as the file states them. They are constants, so nothing of it runs."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        where = f" (line {error.lineno})" if isinstance(error, SyntaxError) and error.lineno else ""
        why = error.msg if isinstance(error, SyntaxError) else str(error)
        raise StateError(f"{file.name} is not valid Python{where}: {why}") from error
    stated = _constants(tree)
    sdk = stated.get("SDK")
    if sdk not in GENERATIONS:
        raise StateError(
            f"{file.name} must state its SDK generation: SDK = {' or '.join(map(repr, GENERATIONS))}, not {sdk!r}"
        )
    if not any(isinstance(node, ast.FunctionDef) and node.name == "run" for node in tree.body):
        raise StateError(f"{file.name} has no function run(session)")
    tags, needs = _words(file, stated, "TAGS"), _words(file, stated, "NEEDS")
    return Scenario(file.stem, file, stated.get("TITLE", file.stem), sdk, tags, _imports(tree), needs)


def _words(file: Path, stated: Mapping[str, Any], head: str) -> tuple[str, ...]:
    """One word may stand without the comma that would make it a tuple."""
    words = stated.get(head, ())
    if isinstance(words, str):
        return (words,)
    if not isinstance(words, (tuple, list)) or not all(isinstance(word, str) for word in words):
        raise StateError(f"{file.name}: {head} is not a tuple of texts: {words!r}")
    return tuple(words)


def _constants(tree: ast.Module) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=("TITLE" | "SDK" | "TAGS" | "NEEDS") as name)], value=value):
                try:
                    values[name] = ast.literal_eval(value)
                except ValueError:
                    continue
    return values


def _imports(tree: ast.Module) -> tuple[str, ...]:
    values: dict[str, None] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                values.update((name.name, None) for name in names)
            case ast.ImportFrom(module="harness", names=names, level=0):
                values.update((f"harness.{name.name}", None) for name in names)
            case ast.ImportFrom(module=str(module), level=0):
                values[module] = None
    return tuple(values)
