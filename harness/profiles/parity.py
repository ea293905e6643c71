"""The parity claim of a scenario: what its author says of AWS. Read from the file; nothing of it runs.

A scenario makes exactly one claim: ``PARITY = "…"`` in the file, or ``pytest.mark.parity("…")`` for its tests.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.kernel.errors import StateError

SAME, DIFFERS, LOCAL_ONLY = "same-as-aws", "differs", "local-only"
FORMS = f'"{SAME}", "{DIFFERS}: <reason>" or "{LOCAL_ONLY}: <reason>"'


@dataclass(frozen=True)
class Parity:
    """``claim`` is one of the three words; ``reason`` is empty for the first."""

    claim: str
    reason: str = ""


def parse(text: object) -> Parity:
    """``ValueError`` says which forms there are."""
    if text == SAME:
        return Parity(SAME)
    claim, _, reason = text.partition(":") if isinstance(text, str) else ("", "", "")
    if claim in (DIFFERS, LOCAL_ONLY) and reason.strip():
        return Parity(claim, reason.strip())
    raise ValueError(f"a parity claim is {FORMS}, not {text!r}")


class InvalidParity(ValueError):
    """The parity claims of a test or scenario are wrong. ``problem`` does not repeat whose claims they are."""

    def __init__(self, text: str, problem: str) -> None:
        super().__init__(text)
        self.problem = problem


def only_claim(texts: Sequence[object], whose: str) -> Parity:
    """Return the one claim. ``InvalidParity`` names ``whose`` it is when there is none, or several, or a wrong one."""
    if not texts:
        problem = "makes no parity claim"
        raise InvalidParity(f"{whose} {problem}; state one: PARITY = {FORMS}", problem)
    if len(texts) > 1:
        problem = f"makes {len(texts)} parity claims ({', '.join(map(repr, texts))})"
        raise InvalidParity(f"{whose} {problem}; keep one", problem)
    try:
        return parse(texts[0])
    except ValueError as error:
        raise InvalidParity(f"{whose}: {error}", str(error)) from None


def claims_of(file: Path) -> list[object]:
    """Every claim that a scenario file makes for all of it, in order; one that is no constant counts as None."""
    try:
        tree = ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, UnicodeDecodeError) as error:
        raise StateError(f"{file.name} is not valid Python: {error}") from error
    return list(_claims(tree.body))


def parity_problem(file: Path) -> str:
    """Return the problem with a scenario's claims; empty when there is none."""
    try:
        only_claim(claims_of(file), file.name)
    except ValueError as error:
        return str(error)
    return ""


def _claims(body: Sequence[ast.stmt]) -> Iterator[object]:
    for node in body:
        match node:
            case ast.Assign(targets=[ast.Name(id="PARITY")], value=value):
                yield _constant(value)
            case ast.AnnAssign(target=ast.Name(id="PARITY"), value=ast.expr() as value):
                yield _constant(value)
            case ast.Assign(targets=[ast.Name(id="pytestmark")], value=value):
                yield from _marks(value)
            case ast.FunctionDef(name="run"):
                for decorator in node.decorator_list:
                    yield from _marks(decorator)


def _marks(value: ast.expr) -> Iterator[object]:
    for node in ast.walk(value):
        match node:
            case ast.Call(func=ast.Attribute(attr="parity"), args=[claim, *_]):
                yield _constant(claim)


def _constant(value: ast.expr) -> object:
    try:
        literal: object = ast.literal_eval(value)
    except ValueError:
        return None
    return literal
