"""Wires this process to the emulator for a while: its environment, boto3's default session, the shim's patches.

Everything is put back at the end, whatever the test did meanwhile.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from harness.clients.environment import SHIM, Wiring

_MISSING = object()
_KEEPING_CLIENTS = ("sagemaker.core.utils.utils", "sagemaker_core.main.utils")
"""Resource classes: SDK v3's, and those beside v2."""


class ReachesAws(RuntimeError):
    """A request that would have left for AWS from a test on the emulator."""


@contextlib.contextmanager
def use_wiring(wiring: Wiring) -> Iterator[None]:
    """Wire the clients made in the block, in this process and in programs that it starts."""
    with contextlib.ExitStack() as undo:
        undo.enter_context(changed_environment(wiring))
        undo.enter_context(own_default_session())
        undo.enter_context(own_sdk_clients())
        # Under `harness exec` the shim is in this process already, and stays.
        if "harness_shim" not in sys.modules:
            undo.enter_context(_patch_clients())
        undo.enter_context(_refuse_aws())
        yield


@contextlib.contextmanager
def changed_environment(wiring: Wiring) -> Iterator[None]:
    """Change the environment of this process while the block lasts."""
    before = {name: os.environ.get(name) for name in (*wiring.set, *wiring.unset)}
    for name in wiring.unset:
        os.environ.pop(name, None)
    os.environ.update(wiring.set)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def own_sdk_clients() -> Iterator[None]:
    """Set aside the clients that the SDK's resources without a session have kept from before."""
    before = _take_clients()
    try:
        yield
    finally:
        _take_clients()
        for kind, kept in before:
            type(kind)._instances[kind] = kept


def _take_clients() -> list[tuple[Any, Any]]:
    taken = []
    for module in _KEEPING_CLIENTS:
        kind = getattr(sys.modules.get(module), "SageMakerClient", None)
        cache = getattr(type(kind), "_instances", {})
        if kind in cache:
            taken.append((kind, cache.pop(kind)))
    return taken


@contextlib.contextmanager
def own_default_session() -> Iterator[None]:
    """Give ``boto3.client(...)`` another default session while the block lasts."""
    import boto3

    before, boto3.DEFAULT_SESSION = boto3.DEFAULT_SESSION, None
    try:
        yield
    finally:
        boto3.DEFAULT_SESSION = before


@contextlib.contextmanager
def _patch_clients() -> Iterator[None]:
    """Patch clients as the start-up shim does in programs: hard-coded AWS addresses lead here, waiting is short."""
    shim = loaded_shim()
    undo: list[Callable[[], None]] = []
    usual, finder = dict(shim.PATCHES), shim.ShimFinder()
    shim.PATCHES.update({name: _undoable(patch, undo) for name, patch in usual.items()})
    try:
        for name, patch in shim.PATCHES.items():
            if name in sys.modules:
                patch(sys.modules[name])
        sys.meta_path.insert(0, finder)
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)
        for step in reversed(undo):
            step()


def loaded_shim() -> Any:
    """Load the functions of the shim, without running what it does at an interpreter's start."""
    spec = importlib.util.spec_from_file_location("harness_shim_in_pytest", SHIM / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _undoable(patch: Callable[[ModuleType], None], undo: list[Callable[[], None]]) -> Callable[[ModuleType], None]:
    """Return the patch, made to note what it replaces in a module and in two classes of botocore."""

    def apply(module: ModuleType) -> None:
        classes = [owner for name in ("Session", "Waiter") if isinstance(owner := vars(module).get(name), type)]
        before = [(owner, dict(vars(owner))) for owner in (module, *classes)]
        patch(module)
        for owner, members in before:
            for name, value in dict(vars(owner)).items():
                if members.get(name, _MISSING) is not value:
                    undo.append(_restoring(owner, name, members.get(name, _MISSING)))
        # One imported meanwhile: its loader carries the patch, which a reload would run again.
        loader = getattr(module.__spec__, "loader", None)
        undo.append(lambda: vars(loader).pop("exec_module", None) if hasattr(loader, "__dict__") else None)

    return apply


def _restoring(owner: Any, name: str, value: Any) -> Callable[[], None]:
    return lambda: delattr(owner, name) if value is _MISSING else setattr(owner, name, value)


@contextlib.contextmanager
def _refuse_aws() -> Iterator[None]:
    """Refuse requests to AWS: a client made before the test has its own address and perhaps real keys."""
    from botocore.httpsession import URLLib3Session

    is_aws, send = loaded_shim().is_aws, URLLib3Session.send

    def guard(self: Any, request: Any) -> Any:
        if is_aws(request.url):
            raise ReachesAws(
                f"harness: this request was for {request.url.split('?')[0]}, and this test runs on the emulator. Its "
                "client was made before the test began: make clients where they are used, or in a fixture that asks "
                "for `sagemaker_harness`."
            )
        return send(self, request)

    URLLib3Session.send = guard
    try:
        yield
    finally:
        URLLib3Session.send = send
