"""The house rules that a machine can check: the top level, names, lengths, layers, and that documents keep step."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import provenance

ROOT = Path(__file__).parents[1]
FIXED = {
    *("harness", "scenarios", "fixtures", "tests", "tox.ini", "pyproject.toml"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "LICENSE"),
}
DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
LONGEST_FILE = 400
GENERATIONS = {"sdk_v2", "container_program"}
"""Modules of one generation of the SDK, and the program that an interpreter with either runs by itself."""

FRAGMENT_OPENINGS = {
    *("as", "at", "because", "by", "for", "from", "in", "none", "not", "of", "once", "only", "those", "to"),
    *("what", "where", "whether", "which", "who", "whose", "with", "without"),
}
"""A docstring is a sentence: it begins with a verb or with the thing that it describes, not with one of these."""
PARTICIPLES = re.compile(
    r"_*([a-z]+ed|begun|built|chosen|done|drawn|found|given|held|kept|known|left|lost|made|seen|sent|taken|told|written)"
)
STATEMENTS = {
    *("billed", "captured", "completed", "executed", "expected", "failed", "logged", "made"),
}
"""Names of the public interface for scenarios, which read as a statement: ``expect(job).completed()``."""
OVERLOADED = {"asked", "door", "found", "place", "told"}
"""Words that have meant too many things here to name a function, a class or a module."""
SHARED_CLASS_NAMES = {
    *("Container", "ContainerSession", "Expectation", "Output", "Run", "ScenarioSession", "Session", "Source"),
    *("StoredFile", "TooLarge", "_Connection"),
}
"""Names of classes that mean two things still, or one thing for each generation of the SDK. None is added."""


def committed() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [Path(name) for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]


def sources() -> list[Path]:
    return [file for file in committed() if file.suffix == ".py" and file.parts[0] == "harness"]


@functools.cache
def nodes(file: Path) -> list[ast.AST]:
    """Return every node of a source file, the module first."""
    return list(ast.walk(ast.parse((ROOT / file).read_text())))


def test_top_level_holds_only_what_was_fixed() -> None:
    top = {file.parts[0] for file in committed()}
    assert {name for name in top if not name.startswith(".")} <= FIXED


def test_no_module_is_a_drawer() -> None:
    assert not [file for file in sources() if file.stem in DRAWERS or (set(file.parts) & DRAWERS)]


def test_no_file_is_too_long() -> None:
    lengths = {str(file): len((ROOT / file).read_text().splitlines()) for file in sources()}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def test_every_module_says_what_it_owns() -> None:
    silent = [file for file in sources() if not ast.get_docstring(definitions(file)[0])]
    assert not [file for file in silent if (ROOT / file).stat().st_size]


def test_nothing_names_the_machine_it_was_written_on() -> None:
    pattern = re.compile(r"(?<![\w.~$}])/(work|farm|root)/")
    found = []
    for file in committed():
        if file.suffix in (".lock", ".csv", ".png"):
            continue
        text = (ROOT / file).read_text(errors="replace")
        found += [f"{file}:{number}" for number, line in enumerate(text.splitlines(), 1) if pattern.search(line)]
    assert not [place for place in found if not place.startswith("tests/test_house.py")]


def test_links_of_the_documents_lead_somewhere() -> None:
    missing = []
    for file in committed():
        if file.suffix != ".md":
            continue
        targets = re.findall(r"\]\(([^)#\s]+)", (ROOT / file).read_text())
        local = [target for target in targets if "://" not in target]
        missing += [f"{file}: {target}" for target in local if not (ROOT / file.parent / target).exists()]
    assert not missing


def test_layers_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports"))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_scenarios_and_local_mode_import_the_sdk() -> None:
    """Both generations of the SDK are one distribution: what imports it at the top runs in one of them only.

    So do the modules named after a generation, which nothing else imports at its top.
    """
    found = []
    for file in sources():
        for node in nodes(file):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            sdk = file.stem not in GENERATIONS and any(name.partition(".")[0] == "sagemaker" for name in names)
            if sdk or any(name.rpartition(".")[2] in GENERATIONS for name in names):
                found.append((file.parts[1], node.col_offset))
    assert {part for part, _ in found} <= {"localmode", "scenario", "asserts"}
    assert all(indent > 0 for _, indent in found)


Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(file: Path) -> list[ast.Module | Definition]:
    return [node for node in nodes(file) if isinstance(node, ast.Module | Definition)]


def test_docstrings_are_sentences() -> None:
    fragments = []
    for file in sources():
        for node in definitions(file):
            opening = (ast.get_docstring(node) or "-").split()[0].strip("`'\".,:;").lower()
            if opening in FRAGMENT_OPENINGS:
                fragments.append(f"{file}: {getattr(node, 'name', 'module')}")
    assert not fragments


def test_functions_are_verbs() -> None:
    functions = [
        f"{file}: {node.name}"
        for file in sources()
        for node in definitions(file)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list
        if PARTICIPLES.fullmatch(node.name) and not node.name.endswith("feed")
        if file.parts[1] not in ("asserts", "scenario") or node.name not in STATEMENTS
    ]
    assert not functions


def test_overloaded_words_name_nothing() -> None:
    named = []
    for file in sources():
        names = [file.stem, *(node.name for node in definitions(file) if not isinstance(node, ast.Module))]
        for name in names:
            plain = re.sub(r"([A-Z])", r"_\1", name).lower().replace("not_found", "")  # AWS's word in error codes
            words = re.findall(r"[a-z]+", plain)
            named += [f"{file}: {name}" for word in words if word.removesuffix("s") in OVERLOADED]
    assert not named


def test_no_two_classes_have_the_same_name() -> None:
    files: dict[str, list[str]] = {}
    for file in sources():
        if file.parts[1] == "images":  # programs that stand alone
            continue
        for node in definitions(file):
            if isinstance(node, ast.ClassDef):
                files.setdefault(node.name, []).append(str(file))
    shared = {name: places for name, places in files.items() if len(places) > 1 and name not in SHARED_CLASS_NAMES}
    assert not shared


@pytest.mark.parametrize("file", provenance.modules(), ids=lambda file: str(file.relative_to(provenance.TESTS)))
def test_every_test_says_where_its_expectation_comes_from(file: Path) -> None:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    marked = {"pytestmark": provenance.module_marks(tree), **provenance.function_marks(tree)}
    assert len(marked["pytestmark"]) == 1
    assert not [name for name, marks in marked.items() if len(marks) > 1]
    each = {name: marks[0] for name, marks in marked.items() if marks}
    assert not {name: mark for name, mark in each.items() if mark.word not in provenance.WORDS}
    assert not {name: mark for name, mark in each.items() if mark.word != "assumed" and not mark.source.strip()}
