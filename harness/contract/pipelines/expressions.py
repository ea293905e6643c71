"""Expressions in a pipeline definition: ``Get``, ``Std:Join`` and ``Std:JsonGet``, and the steps that they refer to.

Grammar: aws-sagemaker-mlops/sagemaker-model-building-pipeline-definition-JSON-schema, and the expressions that SDK v2
writes (``sagemaker/workflow``).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

JOIN, JSON_GET = "Std:Join", "Std:JsonGet"
_TOKEN = re.compile(r"""\[(?P<index>\d+)\]|\[(?P<quote>['"])(?P<key>.*?)(?P=quote)\]|\.?(?P<name>[^.\[\]]+)""")
_NAMES = ("OutputName", "InputName", "MetricName", "ChannelName", "Name")
"""The members that name an item of a list, for references such as ``Outputs['train']``."""


class UndefinedExpression(Exception):
    """An expression has no value. The text is the reason why its step fails."""


@dataclass(frozen=True)
class Values:
    """The places where expressions find their values while a pipeline runs."""

    parameters: Mapping[str, Any]
    execution: Mapping[str, Any]
    experiment: Mapping[str, Any]
    properties: Callable[[str], Mapping[str, Any] | None]
    """Returns the properties of a step that has run; None for any other."""
    property_file: Callable[[str, str], str]
    """Returns the S3 URI of a step's property file."""
    read: Callable[[str], bytes]
    """Reads an S3 object. Raises ``UndefinedExpression`` with the reason if it cannot be read."""


def is_expression(value: Any) -> bool:
    return isinstance(value, Mapping) and len(value) == 1 and next(iter(value)) in ("Get", JOIN, JSON_GET)


def find_gets(value: Any) -> Iterator[str]:
    """Yield the paths of all ``Get`` expressions inside a value."""
    if isinstance(value, Mapping):
        if is_expression(value) and isinstance(value.get("Get"), str):
            yield value["Get"]
        else:
            for item in value.values():
                yield from find_gets(item)
    elif isinstance(value, list):
        for item in value:
            yield from find_gets(item)


def evaluate(value: Any, values: Values) -> Any:
    """Return a value with all expressions in it replaced. Raise ``UndefinedExpression`` for one without a value."""
    if is_expression(value):
        return _evaluate_expression(value, values)
    if isinstance(value, Mapping):
        return {name: evaluate(item, values) for name, item in value.items()}
    if isinstance(value, list):
        return [evaluate(item, values) for item in value]
    return value


def _evaluate_expression(expression: Mapping[str, Any], values: Values) -> Any:
    kind, operand = next(iter(expression.items()))
    if kind == "Get":
        return _get(operand, values)
    if kind == JOIN:
        return _text(operand.get("On", "")).join(_text(evaluate(item, values)) for item in operand["Values"])
    return _json_get(operand, values)


def _text(value: Any) -> str:
    """Return a value as ``Std:Join`` writes it: strings without quotes, the rest as in JSON."""
    return value if isinstance(value, str) else json.dumps(value)


def _get(path: str, values: Values) -> Any:
    root, _, rest = path.partition(".")
    if root == "Steps":
        step, rest = split_step(rest)
        properties = values.properties(step)
        source: Any = properties
    else:
        source = {
            "Parameters": values.parameters,
            "Execution": values.execution,
            "PipelineExperimentConfig": values.experiment,
        }.get(root)
    if source is not None:
        try:
            return follow(source, rest)
        except LookupError:
            pass
    raise UndefinedExpression(f"{json.dumps({'Get': path})} is undefined.")


def split_step(path: str) -> tuple[str, str]:
    """Split ``<step>.<property>`` or ``<step>['<key>']…`` after the name of the step."""
    end = min((at for at in (path.find("."), path.find("[")) if at >= 0), default=len(path))
    return path[:end], path[end:].removeprefix(".")


def follow(source: Any, path: str) -> Any:
    """Return what a path such as ``a.b[0]['c']`` leads to. Raise ``LookupError`` if it leads nowhere."""
    position = 0
    while position < len(path):
        token = _TOKEN.match(path, position)
        if token is None:
            raise LookupError(path)
        index = token["index"]
        source = _item(source, int(index) if index is not None else token["key"] or token["name"])
        position = token.end()
    return source


def _item(source: Any, key: str | int) -> Any:
    if isinstance(source, Mapping):
        return source[str(key)]
    if isinstance(source, list):
        if isinstance(key, int):
            return source[key]
        for item in source:
            if isinstance(item, Mapping) and key in (item.get(name) for name in _NAMES):
                return item
    raise LookupError(key)


def _json_get(operand: Mapping[str, Any], values: Values) -> Any:
    path = operand["Path"]
    if "PropertyFile" in operand:
        reference = operand["PropertyFile"]["Get"].removeprefix("Steps.")
        step, file = split_step(reference)
        uri = values.property_file(step, file.removeprefix("PropertyFiles."))
    else:
        uri = str(evaluate(operand["S3Uri"], values))
    try:
        document = json.loads(values.read(uri))
    except ValueError as error:
        raise UndefinedExpression(f"Contents of file {uri} are not in valid JSON format.") from error
    try:
        return follow(document, path.removeprefix("$").removeprefix("."))
    except LookupError as error:
        raise UndefinedExpression(f"Invalid json path '{path}'") from error
