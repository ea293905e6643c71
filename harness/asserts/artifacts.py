"""Expectations on objects in S3: listings, text, JSON documents, archives, and models that can be loaded."""

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
from harness.asserts.evidence import list_objects, objects_beside, trim
from harness.asserts.expectation import Expectation
from harness.asserts.objects import bucket_and_key, listing, read, unpack
from harness.asserts.shapes import decode, misfits
from harness.asserts.unpickling import LoadFailed, NoSandbox, load, type_name
from harness.kernel.unpacking import TooLarge

_NO_ARCHIVE = (tarfile.TarError, EOFError, OSError, zlib.error, TooLarge)


class Artifacts(Expectation):
    def objects(self, prefix: str, names: Iterable[str] = (), seconds: float = 0.0) -> list[str]:
        """Expect objects under a prefix, among them keys that end with ``names``; return the URIs of all.

        The objects of a finished job exist at once; ``seconds`` is the time to wait for objects that appear later.
        """
        expected, uris = list(names), list[str]()

        def exist() -> bool:
            uris[:] = listing(self._session.client("s3"), prefix)
            return bool(uris) and {_file_name(uri) for uri in uris}.issuperset(expected)

        text = f"{_short(prefix)} holds {', '.join(expected) or 'objects'}"
        met = self._wait_for(exist, seconds)
        self.that(met, text, list_objects(uris, prefix))
        self._session.show("artifact", _short(prefix), uri=prefix, holds=below(self._session.client("s3"), prefix))
        return uris

    def no_objects(self, prefix: str) -> None:
        """Expect no object under a prefix."""
        uris = listing(self._session.client("s3"), prefix)
        self.that(not uris, f"{_short(prefix)} holds nothing", list_objects(uris, prefix))

    def text(self, uri: str, pattern: str = "") -> str:
        """Expect a text object that matches the regular expression ``pattern`` somewhere; return the text."""
        body = self._body(uri).decode()
        expectation = f"{_file_name(uri)} has {pattern!r}" if pattern else f"{_file_name(uri)} is not empty"
        self.that(re.search(pattern or r"\S", body) is not None, expectation, f"{uri} reads: {trim(body)}")
        return body

    def document(self, uri: str, shape: Any) -> Any:
        """Expect a JSON or CSV object that fits a shape (see ``harness.asserts.shapes``); return its value."""
        kind = "text/csv" if uri.endswith((".csv", ".csv.out")) else "application/json"
        body = self._body(uri)
        try:
            value = decode(body, kind)
        except ValueError as error:
            self.fail(f"{_file_name(uri)} is of type {kind}", f"{error}\n{uri} reads: {trim(body)}")
        wrong = [f"  {line}" for line in misfits(value, shape, _file_name(uri))]
        self.that(
            not wrong, f"{_file_name(uri)} has the right shape", "\n".join([*wrong[:10], f"{uri} reads: {trim(body)}"])
        )
        return value

    def archive(self, uri: str, names: Collection[str] = ()) -> dict[str, bytes]:
        """Expect a ``.tar.gz`` archive with at least these files; return the content of all its files, by name."""
        body = self._body(uri)
        try:
            members = unpack(body)
        except _NO_ARCHIVE as error:
            beside = objects_beside(self._session.client("s3"), uri)
            self.fail(f"{_file_name(uri)} is an archive", f"{error}; it begins {body[:40]!r}\n{beside}")
        expectation = f"{_file_name(uri)} holds {', '.join(names) or 'files'}"
        self.that(bool(members) and set(names) <= set(members), expectation, f"it holds {sorted(members)}")
        self._session.show("artifact", _short(uri), uri=uri, holds=within(members))
        return members

    def model(self, uri: str, member: str = "", code: Sequence[Path] = (), trusted: bool = False) -> Any:
        """Expect a model archive whose ``member`` can be loaded with this Python's packages; return the model.

        The name of the file decides how: ``xgboost-model``, ``*.ubj`` and ``*.json`` are loaded as an xgboost Booster,
        ``*.joblib`` by joblib, ``*.pkl`` and ``*.pickle`` by pickle. Without ``member``, the archive must hold exactly
        one such file.

        A pickle can run any code when it is loaded. So it is loaded in a process without network, home and project,
        and the model stays in that process: the returned object forwards calls to it (``model.predict(rows)``).
        ``code`` are folders or files with modules of your own that the model needs. ``trusted=True`` loads the model in
        the scenario's own process instead.
        """
        members = self.archive(uri, [member] if member else [])
        names = [member] if member else [name for name in members if _kind(name)]
        expectation = f"{_file_name(uri)} holds {member or 'one model'} that loads"
        if len(names) != 1 or not (kind := _kind(names[0])):
            kinds = ", ".join(LOADERS)
            self.fail(
                expectation, f"of its files {sorted(members)} exactly one must be a known kind of model ({kinds})"
            )
        try:
            model = _load_model(kind, members[names[0]], code, trusted)
        except NoSandbox as error:
            remedy = "see `harness doctor`, or pass trusted=True to load it in the scenario's own process"
            self.fail(
                expectation,
                f"{names[0]} is a pickle, and this machine has no sandbox to load it in ({error}); {remedy}",
            )
        except Exception as error:  # loaders may raise any exception
            why = str(error) if isinstance(error, LoadFailed) else f"{type(error).__name__}: {error}"
            hint = "; install it where this scenario runs, or pass its folder as code" if _lacks_module(error) else ""
            self.fail(expectation, f"{names[0]} ({len(members[names[0]])} bytes): {why}{hint}")
        self.that(True, f"{_file_name(uri)} holds {names[0]}, which loads as {type_name(model)}")
        return model

    def _body(self, uri: str) -> bytes:
        """Return the content of an object; fail if it does not exist. A success is not recorded as an expectation."""
        s3 = self._session.client("s3")
        try:
            return read(s3, uri)
        except s3.exceptions.ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] != 404:
                raise
            self.fail(f"{uri} is there", f"{error}\n{objects_beside(s3, uri)}")


def _load_model(kind: str, body: bytes, code: Sequence[Path], trusted: bool) -> Any:
    if kind == "booster":
        import xgboost

        try:
            model = xgboost.Booster()
            model.load_model(bytearray(body))
            return model
        except xgboost.core.XGBoostError:  # images before 1.3 write a pickle
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
    """Shorten a URI to its last three parts, for display."""
    parts = bucket_and_key(uri)[1].split("/")
    return uri if len(parts) <= 3 else "…/" + "/".join(parts[-3:])


def _file_name(uri: str) -> str:
    return bucket_and_key(uri)[1].rsplit("/", 1)[-1]
