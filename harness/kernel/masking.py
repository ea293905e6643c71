"""Masks secrets in reports, logs and failure messages."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

MASK = "***"
SHOW_ENVIRONMENT = "HARNESS_SHOW_ENVIRONMENT"
"""The environment variable that ``--show-environment`` sets to 1."""

_WORDS = "key|secret|token|password|credential"
_SECRET = re.compile(_WORDS, re.IGNORECASE)
_ASSIGNED = re.compile(
    rf"""(?<![\w./-])(?P<name>[\w.-]*(?:{_WORDS})[\w.-]*)(?P<sign>=|["']\s*:\s*)(?P<value>"[^"]*"|'[^']*'|[^\s,;&"'}}\])]+)""",
    re.IGNORECASE,
)
_OPTION = re.compile(rf"--?(?P<name>[\w.-]*(?:{_WORDS})[\w.-]*)", re.IGNORECASE)
_PROSE = ("FailureReason", "ExitMessage", "log_tail")
_ENVIRONMENTS = ("Environment", "ContainerEnvironment")


def names_secret(name: str) -> bool:
    return _SECRET.search(name) is not None


def shows_environment() -> bool:
    return os.environ.get(SHOW_ENVIRONMENT) == "1"


def mask(value: Any, show_environment: bool | None = None) -> Any:
    """Return a copy in which the values of members with secret names (``password``, ``token``...) are masked.

    All values of a job's environment are masked too, unless ``show_environment`` is set. Tags and other pairs of a
    ``Key`` (or ``Name``) and a ``Value`` are masked by their key; a command's arguments by the option before them.
    """
    shown = shows_environment() if show_environment is None else show_environment
    if isinstance(value, Mapping):
        if (pair := _pair(value)) is not None:
            hidden = names_secret(str(value[pair]))
            return {name: MASK if hidden and name != pair else inner for name, inner in value.items()}
        return {name: _member(str(name), inner, shown) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return _sequence(value, shown)
    return value


def mask_text(text: str) -> str:
    """Mask the values that follow a secret name in a text, as in ``db_password=...`` or ``"token": "..."``."""
    return _ASSIGNED.sub(lambda match: f"{match['name']}{match['sign']}{MASK}", text) if _SECRET.search(text) else text


def _pair(value: Mapping[Any, Any]) -> str | None:
    return next((name for name in ("Key", "Name") if set(value) == {name, "Value"}), None)


def _member(name: str, value: Any, shown: bool) -> Any:
    if name in _ENVIRONMENTS and isinstance(value, Mapping) and not shown:
        return dict.fromkeys(value, MASK)
    if names_secret(name) and not isinstance(value, (Mapping, list, tuple, bool, type(None))):
        return MASK
    if names_secret(name) and isinstance(value, (list, tuple)):
        return [MASK if isinstance(inner, (str, int, float)) else mask(inner, shown) for inner in value]
    if name in _PROSE:
        lines = value if isinstance(value, list) else [value]
        texts = [mask_text(line) if isinstance(line, str) else line for line in lines]
        return texts if isinstance(value, list) else texts[0]
    return mask(value, shown)


def _sequence(values: Sequence[Any], shown: bool) -> list[Any]:
    result, hide = [], False
    for value in values:
        is_option = isinstance(value, str) and value.startswith("-")
        shown_value = mask_text(value) if is_option else mask(value, shown)
        result.append(MASK if hide and isinstance(value, str) else shown_value)
        hide = is_option and _OPTION.fullmatch(value) is not None
    return result
