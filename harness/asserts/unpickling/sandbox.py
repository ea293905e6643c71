"""The sandbox of one pickle: it starts the process and communicates with it. Answers are never unpickled."""

from __future__ import annotations

import base64
import io
import json
import pickle
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from socket import socket
from typing import Any, BinaryIO

from harness.asserts.unpickling import program
from harness.runners.process.environments import Environments
from harness.runners.process.host import Roots
from harness.runners.process.runner import ProcessRunner
from harness.runners.spec import Cause, Environment, Network, Run, RunSpec, connect

_PROGRAM = Path(program.__file__)
_MOST_BYTES = 1 << 30
_START_SECONDS, _ANSWER_SECONDS = 60.0, 600.0
_PAUSE = 0.01


class NoSandbox(Exception):
    """This machine supports no sandbox; the message says why."""


class LoadFailed(Exception):
    """An exception in the sandbox, from loading the pickle or from a call; ``kind`` is the exception's class."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(f"{kind}: {message}")
        self.kind = kind
        self.message = message


def load(kind: str, content: bytes, code: Sequence[Path] = ()) -> Any:
    """Load a pickle (``kind`` "pickle" or "joblib"); return a plain value, array, Booster or ``SandboxedObject``.

    ``code`` are folders or files with modules that it needs besides installed packages.
    """
    with ExitStack() as stack:
        connection = _Connection(stack.enter_context(_sandbox(kind, content, code)))
        value = connection.receive()
        if connection.objects:
            weakref.finalize(connection, stack.pop_all().close)
    return value


class SandboxedObject:
    """A reference to an object in the sandbox, which forwards attributes, calls and items.

    Results that are plain values or arrays are returned, any other object as another ``SandboxedObject``.
    """

    def __init__(self, connection: _Connection, number: int, kind: str, text: str) -> None:
        self._connection = connection
        self._number = number
        self._kind = kind
        self._text = text

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        try:
            return self._connection.ask("get", self, name)
        except LoadFailed as error:
            if error.kind == "AttributeError":
                raise AttributeError(error.message) from None
            raise

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        return self._connection.ask("call", self, *arguments, **keywords)

    def __getitem__(self, key: Any) -> Any:
        return self._connection.ask("item", self, key)

    def __len__(self) -> int:
        return int(self._connection.ask("length", self))

    def __repr__(self) -> str:
        return f"<sandboxed {self._text}>"


def type_name(value: Any) -> str:
    return value._kind.rpartition(".")[2] if isinstance(value, SandboxedObject) else type(value).__name__


class _sandbox:  # noqa: N801  (used as a function)
    """The process of one pickle, and its connection."""

    def __init__(self, kind: str, content: bytes, code: Sequence[Path]) -> None:
        self._stack = ExitStack()
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="harness-model-")))
        (folder / "ml").mkdir()
        (folder / "ml" / "model").write_bytes(content)
        paths = [path.absolute() for path in code]
        folders = dict.fromkeys(str(path if path.is_dir() else path.parent) for path in paths)
        self._spec = RunSpec(
            name="unpickling",
            argv=("python", "-s", str(_PROGRAM), kind, "/opt/ml/model"),
            environment=Environment("own"),
            root=folder / "ml",
            env={"PYTHONPATH": ":".join(folders), "PYTHONDONTWRITEBYTECODE": "1"},
            visible=(_PROGRAM, *paths),
            network=Network.ISOLATED,
            serves=True,
            grace=0.0,
        )
        self._runner = ProcessRunner(folder / "runs", environments=Environments(install=False))
        self._stack.callback(self._runner.close)
        self._said: list[bytes] = []

    def __enter__(self) -> socket:
        try:
            host = self._runner.host
            if host.roots is not Roots.NAMESPACE or not host.isolates_network:
                raise NoSandbox(host.refusal or "network namespaces are refused")
            run = self._runner.start(self._spec, self._said.append)
            return self._stack.enter_context(self._await_connection(run))
        except BaseException:
            self._stack.close()
            raise

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _await_connection(self, run: Run) -> socket:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            outcome = run.wait(0)
            if outcome is not None:
                said = b"".join(self._said).decode(errors="replace").strip()[-1000:]
                if outcome.cause is Cause.NOT_STARTED:
                    raise NoSandbox(outcome.message)
                raise LoadFailed("ended", f"its process ended with code {outcome.code}: {said}")
            with suppress(OSError):
                return connect(run, _ANSWER_SECONDS)
            time.sleep(_PAUSE)
        raise LoadFailed("silent", f"its process did not answer within {_START_SECONDS:.0f} s")


class _References(pickle.Pickler):
    """Pickles arguments; objects of the sandbox become references by number."""

    def persistent_id(self, obj: Any) -> Any:
        return obj._number if isinstance(obj, SandboxedObject) else None


class _Connection:
    def __init__(self, connection: socket) -> None:
        self._answers: BinaryIO = connection.makefile("rb")
        self._requests: BinaryIO = connection.makefile("wb")
        self._lock = threading.Lock()
        self.objects = 0
        """The number of references to objects in the sandbox."""

    def ask(self, what: str, target: SandboxedObject, *arguments: Any, **keywords: Any) -> Any:
        body = io.BytesIO()
        _References(body).dump((what, target, arguments, keywords))
        with self._lock:
            try:
                self._requests.write(program.SIZE.pack(body.tell()) + body.getvalue())
                self._requests.flush()
            except OSError as error:
                raise LoadFailed("ended", f"the sandbox is gone: {error}") from error
            return self.receive()

    def receive(self) -> Any:
        """Return the next answer. The sandbox is not trusted: an answer may be JSON and arrays only."""
        try:
            size = program.SIZE.unpack(self._read(program.SIZE.size))[0]
            if size > _MOST_BYTES:
                raise LoadFailed("answer", f"the sandbox answers with {size} bytes, more than {_MOST_BYTES}")
            answer = json.loads(self._read(size))
            if "error" in answer:
                raise LoadFailed(str(answer["error"]), str(answer["message"]))
            return self._decode(answer["value"])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise LoadFailed("answer", f"the sandbox answers nonsense: {error!r}") from error

    def _read(self, size: int) -> bytes:
        body = self._answers.read(size)
        if len(body) < size:
            raise LoadFailed("ended", "its process ended during a call")
        return body

    def _decode(self, value: Any) -> Any:
        (kind, content), *more = value.items()
        if kind == "plain" and (content is None or isinstance(content, (bool, int, float, str))):
            return content
        if kind in ("list", "tuple"):
            return (list if kind == "list" else tuple)(self._decode(inner) for inner in content)
        if kind == "dict":
            return {self._decode(key): self._decode(inner) for key, inner in content}
        if kind == "object":
            self.objects += 1
            return SandboxedObject(self, int(content), str(value["type"]), str(value["text"]))
        return _BINARY[kind](base64.b64decode(content), dict(more))


def _array(body: bytes, more: dict[str, Any]) -> Any:
    import numpy as np

    array = np.load(io.BytesIO(body), allow_pickle=False)
    return array[()] if more.get("scalar") else array


def _booster(body: bytes, _: dict[str, Any]) -> Any:
    import xgboost

    model = xgboost.Booster()
    model.load_model(bytearray(body))
    return model


_BINARY: dict[str, Callable[[bytes, dict[str, Any]], Any]] = {
    "bytes": lambda body, _: body,
    "array": _array,
    "booster": _booster,
}
