"""Sets fields that a newer moto has and a stored object lacks, with the values in the source of ``__init__``.

Constructors are not called: their arguments are no longer known, and some have side effects.
"""

from __future__ import annotations

import ast
import dataclasses
import inspect
import logging
import textwrap
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

logger = logging.getLogger(__name__)

_EMPTY: dict[str, Callable[[], Any]] = {"list": list, "dict": dict, "set": set, "OrderedDict": OrderedDict}
_FACTORIES: dict[str, Callable[[], Any]] = {"list": list, "dict": dict, "set": set, "int": int, "str": str}
Make = Callable[[], Any]


def add_new_fields(cls: type, fields: dict[str, Any]) -> None:
    """Add the fields that ``__init__`` would set. One that depends on its arguments becomes None, with a warning."""
    for name, make in _fields_of(cls).items():
        if name in fields:
            continue
        if make is None:
            logger.warning(
                "%s.%s has a new field %s; it is None in what was stored before", cls.__module__, cls.__name__, name
            )
        fields[name] = make() if make else None


@cache
def _fields_of(cls: type) -> dict[str, Make | None]:
    makers_found: dict[str, Make | None] = {}
    if dataclasses.is_dataclass(cls):
        makers_found.update({field.name: _of_dataclass(field) for field in dataclasses.fields(cls)})
    for base in cls.__mro__:
        if "__init__" in vars(base) and base.__module__.startswith("moto.") and not dataclasses.is_dataclass(base):
            makers_found = {**dict(_assignments(base)), **makers_found}
    return {name: make for name, make in makers_found.items() if not hasattr(getattr(cls, name, None), "__set__")}


def _of_dataclass(field: dataclasses.Field[Any]) -> Make | None:
    if field.default is not dataclasses.MISSING:
        return lambda: field.default
    return field.default_factory if field.default_factory in (list, dict, set) else None


def _assignments(cls: type) -> Iterator[tuple[str, Make | None]]:
    """Yield what the body of ``__init__`` assigns to ``self`` outside of branches, which may not be executed."""
    try:
        source = textwrap.dedent(inspect.getsource(vars(cls)["__init__"]))
        function = ast.parse(source).body[0]
    except (OSError, TypeError, SyntaxError):
        return
    assert isinstance(function, ast.FunctionDef)
    defaults = _defaults(function.args)
    for statement in function.body:
        targets = statement.targets if isinstance(statement, ast.Assign) else [getattr(statement, "target", None)]
        value = getattr(statement, "value", None)
        for target in targets:
            if isinstance(target, ast.Attribute) and isinstance(target.value, ast.Name) and target.value.id == "self":
                yield target.attr, _maker(value, defaults)


def _defaults(arguments: ast.arguments) -> dict[str, ast.expr]:
    positional = [*arguments.posonlyargs, *arguments.args]
    named = zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults, strict=True)
    keywords = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return {argument.arg: default for argument, default in (*named, *keywords) if default is not None}


def _maker(value: ast.expr | None, defaults: dict[str, ast.expr]) -> Make | None:
    """Return a function that makes the assigned value; None if the value is not a simple one."""
    if isinstance(value, ast.Name) and value.id in defaults:
        return _maker(defaults[value.id], {})
    if isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or):
        makers = [_maker(part, defaults) for part in value.values]
        return _first_true(makers)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and not value.keywords:
        return _of_call(value.func.id, value.args)
    try:
        ast.literal_eval(value)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        return None
    return lambda: ast.literal_eval(value)  # type: ignore[arg-type]


def _first_true(makers: list[Make | None]) -> Make | None:
    known = [make for make in makers if make is not None]
    if len(known) < len(makers):
        return None
    return lambda: next((value for value in (make() for make in known) if value), known[-1]())


def _of_call(name: str, arguments: list[ast.expr]) -> Make | None:
    if not arguments:
        return _EMPTY.get(name)
    factory = _FACTORIES.get(arguments[0].id) if isinstance(arguments[0], ast.Name) else None
    return (lambda: defaultdict(factory)) if name == "defaultdict" and factory else None
