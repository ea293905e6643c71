"""Expectations on what lies in S3: objects, archives and their content, models that really load."""

from __future__ import annotations

import io
import pickle
import re
import tarfile
import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from harness.asserts.archive_summary import below, within
from harness.asserts.evidence import listed, objects_beside, trimmed
from harness.asserts.expectation import Expectation
from harness.asserts.objects import bucket_and_key, listing, read, unpacked
from harness.asserts.shapes import decoded, misfits
from harness.asserts.unpickling import LoadFailed, NoSandbox, load, type_name
from harness.kernel.unpacking import TooLarge

_NO_ARCHIVE = (tarfile.TarError, EOFError, OSError, zlib.error, TooLarge)


class Artifacts(Expectation):
    def objects(self, prefix: str, names: Iterable[str] = (), seconds: float = 0.0) -> list[str]:
        """Objects lie under a prefix; ``names`` are the last parts of keys that must be among them.

        What a finished job wrote is there at once; ``seconds`` is for what comes by itself.
        """
        wanted, found = list(names), list[str]()

        def there() -> bool:
            found[:] = listing(self._session.client("s3"), prefix)
            return bool(found) and {_last(uri) for uri in found}.issuperset(wanted)

        text = f"{_short(prefix)} holds {', '.join(wanted) or 'objects'}"
        met = self._waited(there, seconds)
        self.that(met, text, listed(found, prefix))
        self._session.show("artifact", _short(prefix), uri=prefix, holds=below(self._session.client("s3"), prefix))
        return found

    def no_objects(self, prefix: str) -> None:
        """Nothing lies under a prefix."""
        found = listing(self._session.client("s3"), prefix)
        self.that(not found, f"{_short(prefix)} holds nothing", listed(found, prefix))

    def text(self, uri: str, pattern: str = "") -> str:
        """A text object, in which the regular expression is found; returns the text."""
        body = self._body(uri).decode()
        told = f"{_last(uri)} has {pattern!r}" if pattern else f"{_last(uri)} is not empty"
        self.that(re.search(pattern or r"\S", body) is not None, told, f"{uri} reads: {trimmed(body)}")
        return body

    def document(self, uri: str, shape: Any) -> Any:
        """A JSON or CSV object that fits a shape (see ``harness.asserts.shapes``); returns its value."""
        kind = "text/csv" if uri.endswith((".csv", ".csv.out")) else "application/json"
        body = self._body(uri)
        try:
            value = decoded(body, kind)
        except ValueError as error:
            self.fail(f"{_last(uri)} is of type {kind}", f"{error}\n{uri} reads: {trimmed(body)}")
        wrong = [f"  {line}" for line in misfits(value, shape, _last(uri))]
        self.that(
            not wrong, f"{_last(uri)} has the right shape", "\n".join([*wrong[:10], f"{uri} reads: {trimmed(body)}"])
        )
        return value

    def archive(self, uri: str, names: Collection[str] = ()) -> dict[str, bytes]:
        """A ``.tar.gz`` that unpacks to (at least) these files; returns them all, by name."""
        body = self._body(uri)
        try:
            members = unpacked(body)
        except _NO_ARCHIVE as error:
            beside = objects_beside(self._session.client("s3"), uri)
            self.fail(f"{_last(uri)} is an archive", f"{error}; it begins {body[:40]!r}\n{beside}")
        told = f"{_last(uri)} holds {', '.join(names) or 'files'}"
        self.that(bool(members) and set(names) <= set(members), told, f"it holds {sorted(members)}")
        self._session.show("artifact", _short(uri), uri=uri, holds=within(members))
        return members

    def model(self, uri: str, member: str = "", code: Sequence[Path] = (), trusted: bool = False) -> Any:
        """A model archive whose ``member`` loads here, with this Python's packages; returns the model.

        By name: ``xgboost-model``, ``*.ubj`` and ``*.json`` as a Booster of xgboost, ``*.joblib`` by joblib, ``*.pkl``
        and ``*.pickle`` by pickle. Without ``member`` the archive must hold exactly one of those.

        A pickle can run any code when it is loaded. So it is loaded in a process without network, home and project,
        and the model stays there: what is returned passes its calls on (``model.predict(rows)``). ``code`` are folders
        or files with modules of your own that it needs. ``trusted`` loads it in the scenario's own process instead.
        """
        members = self.archive(uri, [member] if member else [])
        names = [member] if member else [name for name in members if _kind(name)]
        told = f"{_last(uri)} holds {member or 'one model'} that loads"
        if len(names) != 1 or not (kind := _kind(names[0])):
            kinds = ", ".join(LOADERS)
            self.fail(told, f"of its files {sorted(members)} exactly one must be a known kind of model ({kinds})")
        try:
            model = _loaded(kind, members[names[0]], code, trusted)
        except NoSandbox as error:
            remedy = "see `harness doctor`, or pass trusted=True to load it in the scenario's own process"
            self.fail(
                told, f"{names[0]} is a pickle, and this machine has no sandbox to load it in ({error}); {remedy}"
            )
        except Exception as error:  # loaders raise what they like
            why = str(error) if isinstance(error, LoadFailed) else f"{type(error).__name__}: {error}"
            hint = "; install it where this scenario runs, or pass its folder as code" if _lacks_module(error) else ""
            self.fail(told, f"{names[0]} ({len(members[names[0]])} bytes): {why}{hint}")
        self.that(True, f"{_last(uri)} holds {names[0]}, which loads as {type_name(model)}")
        return model

    def _body(self, uri: str) -> bytes:
        """What is expected of its content follows, so its being there is told only when it is not."""
        s3 = self._session.client("s3")
        try:
            return read(s3, uri)
        except s3.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            self.fail(f"{uri} is there", f"{error}\n{objects_beside(s3, uri)}")


def _loaded(kind: str, body: bytes, code: Sequence[Path], trusted: bool) -> Any:
    if kind == "booster":
        import xgboost

        try:
            model = xgboost.Booster()
            model.load_model(bytearray(body))
            return model
        except xgboost.core.XGBoostError:  # images before 1.3 pickled it
            if not body.startswith(_PICKLE):
                raise
            kind = "pickle"
    if not trusted:
        return load(kind, body, code)
    if kind == "joblib":
        import joblib  # type: ignore[import-untyped,unused-ignore]

        return joblib.load(io.BytesIO(body))
    return pickle.loads(body)


_PICKLE = b"\x80"
"""The first byte of every pickle since protocol 2."""
LOADERS: Mapping[str, str] = {
    "xgboost-model": "booster",
    ".ubj": "booster",
    ".json": "booster",
    ".joblib": "joblib",
    ".pkl": "pickle",
    ".pickle": "pickle",
}


def _kind(name: str) -> str:
    return next((kind for ending, kind in LOADERS.items() if name.endswith(ending)), "")


def _lacks_module(error: Exception) -> bool:
    return isinstance(error, ModuleNotFoundError) or getattr(error, "kind", "") == "ModuleNotFoundError"


def _short(uri: str) -> str:
    """Enough of a prefix to be recognised in a list."""
    parts = bucket_and_key(uri)[1].split("/")
    return uri if len(parts) <= 3 else "…/" + "/".join(parts[-3:])


def _last(uri: str) -> str:
    return bucket_and_key(uri)[1].rsplit("/", 1)[-1]
