"""The user's two scripts: preprocess_handler called per record, postprocess_handler called once at the end."""

from __future__ import annotations

import importlib.util
import inspect
import logging
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from . import messages
from .errors import AnalyzerError
from .rows import Row

_PREPROCESSOR, _POSTPROCESSOR = "record_preprocessor_script", "post_analytics_processor_script"


class Preprocessor:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._handler = _function(path, _PREPROCESSOR, "preprocess_handler")
        # The handler may ask for a logger as its second parameter.
        wants_logger = len(inspect.signature(self._handler).parameters) > 1
        self._extra = [logging.getLogger("preprocess_handler")] if wants_logger else []

    def rows(self, record: Any) -> list[Row]:
        result = _call(self._path, self._handler, record, *self._extra)
        if result == {}:
            raise AnalyzerError(messages.SCRIPT_EMPTY.format(path=self._path))
        entries = [result] if isinstance(result, dict) else result
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            raise AnalyzerError(messages.SCRIPT_RESULT.format(path=self._path, kind=_kind(result)))
        return [{str(name): self._text(str(name), value) for name, value in entry.items()} for entry in entries]

    def _text(self, name: str, value: Any) -> Any:
        if isinstance(value, np.generic):
            value = value.item()
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(value)
        if isinstance(value, float):
            # A float is a number whatever its size: positional, as an exponent would make it a String.
            return np.format_float_positional(value, trim="0") if math.isfinite(value) else None
        raise AnalyzerError(messages.SCRIPT_VALUE.format(path=self._path, kind=_kind(value), name=name))


def run_postprocessor(path: Path) -> None:
    _call(path, _function(path, _POSTPROCESSOR, "postprocess_handler"))


def _function(path: Path, setting: str, name: str) -> Callable[..., Any]:
    if not path.is_file():
        raise AnalyzerError(messages.SCRIPT_MISSING.format(setting=setting, path=path))
    spec = importlib.util.spec_from_file_location(f"{setting}_module", path)
    if spec is None or spec.loader is None:
        raise AnalyzerError(messages.SCRIPT_IMPORT.format(setting=setting, path=path, reason="it is no Python file"))
    module = importlib.util.module_from_spec(spec)
    # A script may import modules that lie beside it.
    sys.path.insert(0, str(path.parent))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise AnalyzerError(messages.SCRIPT_IMPORT.format(setting=setting, path=path, reason=reason)) from error
    finally:
        sys.path.remove(str(path.parent))
    function = getattr(module, name, None)
    if not callable(function):
        raise AnalyzerError(messages.SCRIPT_FUNCTION.format(setting=setting, path=path, function=name))
    return function  # type: ignore[no-any-return]


def _call(path: Path, function: Callable[..., Any], *arguments: Any) -> Any:
    try:
        return function(*arguments)
    except Exception as error:
        text = messages.SCRIPT_RAISED.format(
            function=function.__name__, path=path, kind=type(error).__name__, reason=error
        )
        raise AnalyzerError(text) from error


def _kind(value: Any) -> str:
    return f"a value of type {type(value).__name__}"
