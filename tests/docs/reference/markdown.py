"""Pieces of Markdown, and what the pages read from source: docstrings, those of fields among them, and signatures."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Callable, Iterable, Sequence
from typing import Any

MADE = "<!-- Made from the code by `tox -e docs`: change the code, not this page. -->"


def document(title: str, *parts: str) -> str:
    return "\n\n".join((MADE, f"# {title}", *(part.strip("\n") for part in parts if part.strip()))) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(_cell, line)) + " |" for line in lines)


def _cell(text: str) -> str:
    """Between backticks everything stands for itself, but for what ends a cell."""
    spans = text.replace("|", "\\|").split("`")
    return "`".join(span if at % 2 else span.replace("<", "&lt;") for at, span in enumerate(spans))


def prose(docstring: str | None) -> str:
    """A docstring's paragraphs, each on one line, its double backticks as Markdown has them."""
    paragraphs = re.split(r"\n\s*\n", inspect.cleandoc(docstring or ""))
    return "\n\n".join(" ".join(part.split()) for part in paragraphs).replace("``", "`")


def in_cell(docstring: str | None) -> str:
    return prose(docstring).replace("\n\n", " ")


def field_docstrings(kind: type) -> dict[str, str]:
    """What stands below each field of a class, as the house documents fields."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for statement, after in zip(body.body, body.body[1:], strict=False):
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            text = after.value if isinstance(after, ast.Expr) else None
            if isinstance(text, ast.Constant) and isinstance(text.value, str):
                found[statement.target.id] = text.value
    return found


def call(name: str, function: Callable[..., Any], skip: int = 0) -> str:
    """``name(a, b=1, *, c=2)`` without the types: short enough to read at a glance."""
    parts, starred = [], False
    for parameter in list(inspect.signature(function).parameters.values())[skip:]:
        if parameter.kind is parameter.KEYWORD_ONLY and not starred:
            parts.append("*")
            starred = True
        stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        starred = starred or stars == "*"
        given = "" if parameter.default is parameter.empty else f"={parameter.default!r}"
        parts.append(f"{stars}{parameter.name}{given}")
    return f"{name}({', '.join(parts)})"


def returned(function: Callable[..., Any]) -> str:
    """What a call gives, in the words of its annotation; empty when that is nothing."""
    found = inspect.signature(function).return_annotation
    text = found if isinstance(found, str) else getattr(found, "__name__", str(found))
    return "" if text in ("None", "NoReturn", "_T", "_empty") else text.replace("typing.", "")
