"""The rules of a scenario file, read from its syntax tree; nothing of it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.cli.validate.findings import ValidationFinding, relative
from harness.cli.validate.image_names import wrong_images
from harness.kernel.errors import ConfigurationError, GuardRefused, StateError
from harness.profiles.comparison_rules import concessions_of
from harness.profiles.needs import PARTS
from harness.profiles.parity import FORMS, InvalidParity, claims_of, only_claim
from harness.profiles.scenarios import GENERATIONS, is_emulator

_WITHOUT_EMULATOR = (
    "a scenario runs on AWS as well, where there is no emulator: ask by boto3 or the SDK, and use harness.asserts "
    "and the session"
)


@dataclass(frozen=True)
class _Stated:
    """A constant at the top of the file; ``value`` is None when it is none."""

    line: int
    value: Any


def check_scenario(file: Path, root: Path, images: Mapping[str, str] | None) -> Iterator[ValidationFinding]:
    """``images`` is the project's own table of them; None where Docker may run any image."""
    name = relative(file, root)
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except SyntaxError as error:
        yield ValidationFinding(name, error.lineno or 1, f"is not valid Python: {error.msg}", "correct the syntax")
        return
    except (UnicodeDecodeError, ValueError) as error:
        yield ValidationFinding(name, 0, f"is not Python in UTF-8: {error}", "save it as UTF-8")
        return
    stated = dict(_constants(tree))
    yield from (ValidationFinding(name, *finding) for finding in _heads(stated))
    yield from (ValidationFinding(name, *finding) for finding in _check_run(tree))
    yield from (ValidationFinding(name, *finding) for finding in _parity(file, stated))
    yield from (ValidationFinding(name, *finding) for finding in _check_comparisons(file, stated))
    yield from (ValidationFinding(name, *finding) for finding in _imports(tree))
    if images is not None and "docker" not in (_value(stated, "NEEDS") or ()):
        yield from (ValidationFinding(name, *finding) for finding in wrong_images(tree, images))


_Found = tuple[int, str, str]


def _heads(stated: Mapping[str, _Stated]) -> Iterator[_Found]:
    generations = " or ".join(f'"{each}"' for each in GENERATIONS)
    if _value(stated, "SDK") not in GENERATIONS:
        problem = "does not state its SDK" if "SDK" not in stated else f"SDK is not {generations}"
        yield (
            _line(stated, "SDK"),
            problem,
            f"state the generation of the SageMaker SDK it imports: SDK = {generations}",
        )
    title = _value(stated, "TITLE")
    if not isinstance(title, str) or not title.strip():
        yield _line(stated, "TITLE"), "has no TITLE", 'state one line for people: TITLE = "…", a constant'
    for head, example in (("TAGS", '("smoke",)'), ("NEEDS", '("docker",)')):
        words = _value(stated, head) if head in stated else ()
        words = (words,) if isinstance(words, str) else words  # as it is read: one may stand without its comma
        if not isinstance(words, (tuple, list)) or not all(isinstance(word, str) and word for word in words):
            yield _line(stated, head), f"{head} is not a tuple of texts", f"write it as {head} = {example}"
        elif head == "NEEDS" and (unknown := [word for word in words if word not in PARTS]):
            yield _line(stated, head), f"needs {', '.join(unknown)}, which is not known", f"known: {', '.join(PARTS)}"


def _check_run(tree: ast.Module) -> Iterator[_Found]:
    finding = [
        node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "run"
    ]
    if not finding:
        yield 1, "has no function run(session)", "the story goes into def run(session): at the top level of the file"
    for node in finding:
        if isinstance(node, ast.AsyncFunctionDef):
            yield node.lineno, "run is asynchronous", "make it a plain function: def run(session)"
        elif not _takes_one(node.args):
            yield node.lineno, "run does not take one argument", "it is called with the session: def run(session)"
    for again in finding[1:]:
        yield again.lineno, "run is defined again", "keep one run(session) in a file"


def _takes_one(arguments: ast.arguments) -> bool:
    parameters = [*arguments.posonlyargs, *arguments.args]
    needed = len(parameters) - len(arguments.defaults)
    return needed <= 1 <= len(parameters) and not [default for default in arguments.kw_defaults if default is None]


def _parity(file: Path, stated: Mapping[str, _Stated]) -> Iterator[_Found]:
    try:
        only_claim(claims_of(file), file.name)
    except InvalidParity as error:
        yield _line(stated, "PARITY"), error.problem, f"make exactly one claim about AWS: PARITY = {FORMS}"


def _check_comparisons(file: Path, stated: Mapping[str, _Stated]) -> Iterator[_Found]:
    """Check the statements for comparisons."""
    from harness.promotion.recordings import read_recording

    try:
        concessions_of(file)
    except ConfigurationError as error:
        yield (
            _line(stated, error.key),
            error.problem,
            "TOLERANCES = {pattern: number}, KNOWN_DIFFERENCES = {pattern: reason}, both constants",
        )
    try:
        read_recording(file)
    except (StateError, GuardRefused) as error:
        yield 1, error.problem, error.remedy


def _imports(tree: ast.Module) -> Iterator[_Found]:
    for node in ast.walk(tree):
        for name in _read_imports(node):
            if is_emulator(name):
                yield getattr(node, "lineno", 1), f"imports {name}, a part of the emulator", _WITHOUT_EMULATOR


def _read_imports(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (name.name for name in names)
        case ast.ImportFrom(module="harness", names=names, level=0):
            yield from (f"harness.{name.name}" for name in names)
        case ast.ImportFrom(module=str(module), level=0):
            yield module
        case ast.Call(
            func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__"),
            args=[ast.Constant(value=str(module)), *_],
        ):
            yield module


def _constants(tree: ast.Module) -> Iterator[tuple[str, _Stated]]:
    for node in tree.body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=value)
                | ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value)
            ):
                yield name, _Stated(node.lineno, _constant(value))


def _constant(value: ast.expr) -> Any:
    try:
        return ast.literal_eval(value)
    except ValueError:
        return None


def _value(stated: Mapping[str, _Stated], name: str) -> Any:
    return stated[name].value if name in stated else None


def _line(stated: Mapping[str, _Stated], name: str) -> int:
    return stated[name].line if name in stated else 1
