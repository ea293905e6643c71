"""A stand-alone program that runs in a sandbox, loads one pickle and serves its attributes, calls and items.

Requests come from the scenario and are trusted. Answers consist of JSON and of arrays in numpy's format, because the
scenario must not trust this process after it has run the pickle's code.
"""

from __future__ import annotations

import base64
import functools
import io
import json
import os
import pickle
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

SIZE = struct.Struct(">Q")


def main(kind: str, file: str) -> None:
    server = socket.create_server(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"])))
    connection = server.accept()[0]
    server.close()
    with connection, connection.makefile("rb") as requests, connection.makefile("wb") as answers:
        objects = _ObjectServer()
        _answer(answers, lambda: objects.encode(_load(kind, file)))
        while len(size := requests.read(SIZE.size)) == SIZE.size:
            body = requests.read(SIZE.unpack(size)[0])
            _answer(answers, functools.partial(objects.do, body))


def _load(kind: str, file: str) -> Any:
    if kind == "joblib":
        import joblib  # type: ignore[import-untyped,unused-ignore]

        return joblib.load(file)
    with Path(file).open("rb") as stream:
        return pickle.load(stream)


def _answer(stream: BinaryIO, work: Callable[[], Any]) -> None:
    try:
        answer = {"value": work()}
    except BaseException as error:
        answer = {"error": type(error).__name__, "message": str(error)}
    body = json.dumps(answer).encode()
    stream.write(SIZE.pack(len(body)) + body)
    stream.flush()


class _Arguments(pickle.Unpickler):
    """Unpickles the scenario's arguments; references to served objects become those objects."""

    def __init__(self, stream: BinaryIO, objects: dict[int, Any]) -> None:
        super().__init__(stream)
        self._objects = objects

    def persistent_load(self, pid: Any) -> Any:
        return self._objects[pid]


class _ObjectServer:
    def __init__(self) -> None:
        self._objects: dict[int, Any] = {}

    def do(self, body: bytes) -> Any:
        what, target, arguments, keywords = _Arguments(io.BytesIO(body), self._objects).load()
        if what == "get":
            return self.encode(getattr(target, arguments[0]))
        if what == "item":
            return self.encode(target[arguments[0]])
        if what == "length":
            return self.encode(len(target))
        return self.encode(target(*arguments, **keywords))

    def encode(self, value: Any) -> Any:
        """Encode a value: plain values directly, any other object as the number under which it is kept here."""
        if value is None or type(value) in (bool, int, float, str):
            return {"plain": value}
        if type(value) in (list, tuple):
            return {type(value).__name__: [self.encode(inner) for inner in value]}
        if type(value) is dict:
            return {"dict": [[self.encode(key), self.encode(inner)] for key, inner in value.items()]}
        if type(value) is bytes:
            return {"bytes": base64.b64encode(value).decode()}
        return self._array(value) or self._booster(value) or self._keep(value)

    def _array(self, value: Any) -> Any:
        numpy = sys.modules.get("numpy")
        if numpy is None or not isinstance(value, (numpy.ndarray, numpy.generic)) or value.dtype.hasobject:
            return None
        stream = io.BytesIO()
        numpy.save(stream, numpy.asarray(value), allow_pickle=False)
        return {"array": base64.b64encode(stream.getvalue()).decode(), "scalar": isinstance(value, numpy.generic)}

    def _booster(self, value: Any) -> Any:
        """Encode a Booster in xgboost's own format, which is not a pickle."""
        xgboost = sys.modules.get("xgboost")
        if xgboost is None or type(value) is not xgboost.Booster:
            return None
        return {"booster": base64.b64encode(bytes(value.save_raw("ubj"))).decode()}

    def _keep(self, value: Any) -> Any:
        number = len(self._objects)
        self._objects[number] = value
        kind = type(value)
        return {"object": number, "type": f"{kind.__module__}.{kind.__qualname__}", "text": repr(value)[:1000]}


if __name__ == "__main__":
    main(*sys.argv[1:])
