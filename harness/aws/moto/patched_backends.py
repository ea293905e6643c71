"""Replaces moto's dictionary of back ends, to notify the saved state of the back ends that requests use."""

from __future__ import annotations

import importlib
from typing import Any

from harness.aws.moto.dispatch import PACKAGES
from harness.aws.moto.saved_state.services import ServiceState

base_backend: Any = importlib.import_module("moto.core.base_backend")
moto_backends: Any = importlib.import_module("moto.backends")
_get_backend = base_backend.AccountSpecificBackend.__getitem__

SAVED = frozenset(PACKAGES.values()) - {"s3"}
"""moto's packages whose state is saved as documents. Buckets and objects have rows instead."""


class _Observer:
    """Holds the saved state that is notified: one in a process, because moto's back ends are global."""

    state: ServiceState | None = None


def install(state: ServiceState) -> None:
    """Notify ``state`` of back ends in use, and allow unknown regions, which only moto's S3 accepts."""
    base_backend.allow_unknown_region = lambda: True
    base_backend.AccountSpecificBackend.__getitem__ = _observe
    _Observer.state = state


def uninstall(state: ServiceState | None = None) -> None:
    """Stop notifying ``state``, or any state if it is None."""
    if state in (None, _Observer.state):
        _Observer.state = None


def backend_of(package: str, account: str, region: str) -> Any:
    return moto_backends.get_backend(package)[account][region]


def load(package: str) -> None:
    """Import a package of moto with its dictionary of back ends."""
    moto_backends.get_backend(package)


def forget_all() -> None:
    base_backend.BackendDict.reset()


def _observe(regions: Any, region: str) -> Any:
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
