"""Parameters of a pipeline: their declarations, and their values in one execution."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


class BadParameter(ValueError):
    """A parameter's declaration or value is wrong. The text names it."""


@dataclass(frozen=True)
class Parameter:
    name: str
    type: str
    default: Any = None
    choices: tuple[str, ...] = ()


def _boolean(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


_READERS: Mapping[str, Callable[[str], Any]] = {"String": str, "Integer": int, "Float": float, "Boolean": _boolean}
TYPES = tuple(_READERS)
_DEFAULTS: Mapping[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}


def declare(item: Mapping[str, Any]) -> Parameter:
    """Return the parameter that an item of ``Parameters`` declares."""
    name, kind, default = item["Name"], item.get("Type"), item.get("DefaultValue")
    if kind not in TYPES:
        raise BadParameter(f"Parameter '{name}': Type {kind!r} is none of {', '.join(TYPES)}.")
    choices = tuple(item.get("EnumValues") or ())
    wrong_type = not isinstance(default, _DEFAULTS[kind]) or (kind != "Boolean" and isinstance(default, bool))
    if default is not None and wrong_type:
        raise BadParameter(f"Parameter '{name}': DefaultValue {default!r} is not of type {kind}.")
    if default is not None and choices and default not in choices:
        raise BadParameter(f"Parameter '{name}': DefaultValue {default!r} is none of its EnumValues.")
    return Parameter(name, kind, default, choices)


def resolve(declared: Mapping[str, Parameter], given: Iterable[Mapping[str, str]]) -> dict[str, Any]:
    """Return the typed values of all parameters in an execution. ``given`` is the request's ``PipelineParameters``."""
    values = {name: parameter.default for name, parameter in declared.items()}
    seen = set()
    for item in given:
        name = item["Name"]
        if name not in declared:
            raise BadParameter(f"Unknown parameter '{name}'. The pipeline has: {', '.join(declared) or 'none'}.")
        if name in seen:
            raise BadParameter(f"Parameter '{name}' occurs more than once.")
        seen.add(name)
        values[name] = _read(declared[name], item["Value"])
    for name, value in values.items():
        if value is None:
            raise BadParameter(f"Parameter '{name}' is undefined: it has no default value, so the start must give one.")
    return values


def read_value(kind: str, text: str) -> Any:
    """Return the value of a type in a text. Raise ``KeyError`` or ``ValueError`` for any other text."""
    return _READERS[kind](text)


def _read(parameter: Parameter, text: str) -> Any:
    try:
        value = read_value(parameter.type, text)
    except (KeyError, ValueError) as error:
        raise BadParameter(
            f"Unexpected type for parameter '{parameter.name}'. Expected {parameter.type} but found {text!r}."
        ) from error
    if parameter.choices and value not in parameter.choices:
        raise BadParameter(
            f"Parameter '{parameter.name}' value {text!r} is none of its EnumValues: {', '.join(parameter.choices)}."
        )
    return value


def as_text(value: Any) -> str:
    """Return a value as ListPipelineParametersForExecution shows it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
