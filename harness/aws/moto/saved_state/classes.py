"""The classes that saved state may name: moto's models and a short list of containers. No others are instantiated."""

from __future__ import annotations

import importlib
import re
from collections import OrderedDict, defaultdict, deque
from typing import Any

from requests.structures import CaseInsensitiveDict

from harness.aws.moto.dispatch import PACKAGES
from harness.aws.moto.saved_state.migrations import RENAMED_CLASSES

MODULE = re.compile(
    rf"moto\.({'|'.join(PACKAGES.values())}|core|utilities)\.(?!_|responses|urls|exceptions)\w+(\.\w+)*"
)
"""Modules of models and their helpers, of the services that are served: no request handlers, no errors."""
CONTAINERS: dict[str, type] = {
    "collections.OrderedDict": OrderedDict,
    "collections.defaultdict": defaultdict,
    "collections.deque": deque,
    "requests.structures.CaseInsensitiveDict": CaseInsensitiveDict,
}
_NAMES: dict[type, str | None] = {cls: name for name, cls in CONTAINERS.items()}


class UnknownClass(Exception):
    """A class that the saved state may not name, or that this version of moto does not have."""


def name_of(cls: type) -> str | None:
    """Return the name to store for a class; None for a class that may not be stored."""
    if cls not in _NAMES:
        storable = MODULE.fullmatch(cls.__module__) and "." not in cls.__qualname__
        _NAMES[cls] = f"{cls.__module__}.{cls.__qualname__}" if storable else None
    return _NAMES[cls]


def class_named(name: str) -> type[Any]:
    name = RENAMED_CLASSES.get(name, name)
    if name in CONTAINERS:
        return CONTAINERS[name]
    module, _, attribute = name.rpartition(".")
    if not MODULE.fullmatch(module):
        raise UnknownClass(name)
    try:
        attribute_found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UnknownClass(name) from error
    # A name that a module merely imported (``os``, a function, an exception) is no model.
    if (
        not isinstance(attribute_found, type)
        or attribute_found.__module__ != module
        or issubclass(attribute_found, BaseException)
    ):
        raise UnknownClass(name)
    return attribute_found


def package_of(backend: object) -> str:
    """Return moto's package of a back end ("iam"), also for subclasses defined in harness."""
    for cls in type(backend).__mro__:
        if cls.__module__.startswith("moto."):
            return cls.__module__.split(".")[1]
    raise UnknownClass(type(backend).__qualname__)
