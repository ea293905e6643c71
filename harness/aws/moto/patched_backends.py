"""moto's dictionary of back ends (account -> region -> back end), which tells the saved state what requests use."""

from __future__ import annotations

import importlib
from typing import Any

from harness.aws.moto.dispatch import PACKAGES
from harness.aws.moto.saved_state.services import ServiceState

base_backend: Any = importlib.import_module("moto.core.base_backend")
moto_backends: Any = importlib.import_module("moto.backends")
_get_backend = base_backend.AccountSpecificBackend.__getitem__

SAVED = frozenset(PACKAGES.values()) - {"s3"}
"""moto's packages that are kept as documents. Buckets and objects have rows of their own."""


class _Observer:
    """moto's back ends are global to the process: one ``MotoBackend`` at a time is told of them."""

    state: ServiceState | None = None


def install(state: ServiceState) -> None:
    """S3 takes any region's name; the other services would fail with a ``KeyError``."""
    base_backend.allow_unknown_region = lambda: True
    base_backend.AccountSpecificBackend.__getitem__ = _observed
    _Observer.state = state


def uninstall(state: ServiceState | None = None) -> None:
    """Stop telling ``state``, or whoever is told."""
    if state in (None, _Observer.state):
        _Observer.state = None


def backend_of(package: str, account: str, region: str) -> Any:
    return moto_backends.get_backend(package)[account][region]


def load(package: str) -> None:
    """Import the package, and with it its dictionary of back ends."""
    moto_backends.get_backend(package)


def forget_all() -> None:
    base_backend.BackendDict.reset()


def _observed(regions: Any, region: str) -> Any:
    state = _Observer.state
    if state is None or regions.service_name == "s3":
        return _get_backend(regions, region)
    name = "aws" if region == "global" else region
    is_new = not dict.__contains__(regions, name)
    backend = _get_backend(regions, region)
    if is_new:
        try:
            state.restore(backend)
        except BaseException:
            dict.pop(regions, name, None)
            raise
    state.touch(backend)
    return backend
