"""``ServiceState``: saves the back ends that a request changed before the answer, and restores them at first use.

A back end counts as touched when the code of a request takes it out of moto's dictionary of back ends. That finds also
the services that moto changes in passing: a queue that a topic delivers to, the keys that STS puts into IAM.
All calls hold moto's lock.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.aws.moto.moto_version import moto_version
from harness.aws.moto.saved_state.classes import package_of
from harness.aws.moto.saved_state.decoder import Decoder, FindBackend, Unreadable
from harness.aws.moto.saved_state.elements import Elements
from harness.aws.moto.saved_state.encoder import Encoder, Unstorable
from harness.aws.moto.saved_state.growing_lists import NOTHING, Tail
from harness.aws.moto.saved_state.rows import (
    BackendKey,
    BackendRow,
    ElementRow,
    EntryRow,
    ServiceRows,
)
from harness.aws.wire.error_responses import full_disk
from harness.kernel.errors import StateError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Change:
    key: BackendKey
    text: str
    digest: bytes
    lists: Mapping[str, list[Any]]
    elements: Mapping[int, Any]
    """All elements of the back end, by key."""
    changed: Mapping[int, Any]
    """The elements that differ from what is saved."""


class ServiceState:
    def __init__(self, rows: ServiceRows, packages: frozenset[str], find_backend: FindBackend) -> None:
        self._rows = rows
        self._packages = packages
        self._find_backend = find_backend
        self._touched: dict[BackendKey, Any] = {}
        self._read: dict[BackendKey, Any] = {}
        self._digests: dict[BackendKey, bytes] = {}
        self._tails: dict[BackendKey, dict[str, Tail]] = {}
        self._elements: dict[BackendKey, Elements] = {}
        self._outdated: set[BackendKey] = set()
        """Back ends restored from documents of another moto, which are rewritten with their next change."""

    def set_aside(self) -> None:
        """Note that the request only read.

        Small changes (such as a time of last use) are saved with the next change.
        """
        self._read.update(self._touched)
        self._touched.clear()

    def touch(self, backend: Any) -> None:
        package = package_of(backend)
        if package in self._packages:
            self._touched[BackendKey(package, backend.account_id, backend.region_name)] = backend

    def save(self) -> None:
        """Write the changes of the request. If that fails, restore the state in memory from what is saved."""
        try:
            self._save()
        except BaseException:
            self.take_back()
            raise

    def save_if_possible(self) -> None:
        """Save, but ignore a full disk, which must not end a job or the start. For changes without a client."""
        try:
            self._save()
        except (OSError, sqlite3.OperationalError) as error:
            logger.warning("A change to the embedded AWS services is in memory only: %s", full_disk(error) or error)
            self.set_aside()

    def save_all(self) -> None:
        self._touched, self._read = {**self._read, **self._touched}, {}
        self.save_if_possible()

    def _save(self) -> None:
        changes = [change for each in self._touched.items() if (change := self._change(*each)) is not None]
        if changes:
            self._rows.write(lambda: self._write(changes))
        for change in changes:
            self._digests[change.key] = change.digest
            tails = self._tails.get(change.key, {})
            self._tails[change.key] = {
                name: tails.get(name, NOTHING).followed_by(values) for name, values in change.lists.items()
            }
            self._elements[change.key].save(change.elements, change.changed)
            self._read.pop(change.key, None)
            self._outdated.discard(change.key)
        self._touched.clear()

    def take_back(self) -> None:
        """Revert the changes of the request."""
        touched, self._touched = self._touched, {}
        for key, backend in touched.items():
            try:
                changed = self._change(key, backend) is not None
            except (Unstorable, RecursionError):
                changed = True
            if changed:
                backend.reset()
                self._fill(key, backend)
        self._touched.clear()

    def restore(self, backend: Any) -> None:
        """Restore a back end that moto has just created.

        Raise ``StateError`` and change nothing if it cannot be read.
        """
        key = BackendKey(package_of(backend), backend.account_id, backend.region_name)
        if key.service in self._packages:
            self._fill(key, backend)

    def packages(self) -> frozenset[str]:
        """Return the packages that have saved state."""
        return frozenset(key.service for key in self._rows.backends())

    def restore_all(self, packages: Callable[[str], bool]) -> None:
        for key in self._rows.backends():
            if packages(key.service):
                self._find_backend(*key)

    def forget(self) -> None:
        self._rows.clear()
        for known in (self._touched, self._read, self._digests, self._tails, self._elements, self._outdated):
            known.clear()

    def close(self) -> None:
        """Save the small changes of requests that only read, and close."""
        self._touched, self._read = {**self._read, **self._touched}, {}
        try:
            self.save()
        except (sqlite3.Error, OSError, Unstorable):
            logger.exception("The last changes to the embedded AWS services could not be saved")
        self._rows.close()

    def _change(self, key: BackendKey, backend: Any) -> Change | None:
        elements = self._elements.setdefault(key, Elements())
        encoder = Encoder(elements.key_of)
        text = _text(encoder.backend(backend))
        changed = elements.find_changed(encoder.elements)
        change = Change(key, text, _digest(text), encoder.lists, encoder.elements, changed)
        tails = self._tails.get(key, {})
        is_saved = (
            change.digest == self._digests.get(key)
            and tails.keys() == change.lists.keys()
            and all(tails[name].is_all_of(values) for name, values in change.lists.items())
            and not changed
        )
        return None if is_saved else change

    def _write(self, changes: list[Change]) -> None:
        version = moto_version()
        for change in changes:
            if change.key in self._outdated:
                self._rows.delete_parts(change.key)
            if change.digest != self._digests.get(change.key):
                self._rows.put_backend(BackendRow(change.key, version, change.text))
            tails = self._tails.get(change.key, {})
            for name in tails.keys() - change.lists.keys():
                self._rows.delete_list(change.key, name)
            for name, values in change.lists.items():
                self._write_list(change.key, name, values, tails.get(name, NOTHING), version)
            self._write_elements(change, version)

    def _write_elements(self, change: Change, version: str) -> None:
        self._rows.delete_elements(change.key, self._elements[change.key].find_deleted(change.elements))
        changed = change.changed.items()
        rows = [ElementRow(key, version, _text(Encoder().tree(element))) for key, element in changed]
        self._rows.put_elements(change.key, rows)

    def _write_list(self, key: BackendKey, name: str, values: list[Any], tail: Tail, version: str) -> None:
        after = tail.followed_by(values)
        if after.start > tail.start:
            self._rows.cut_list(key, name, after.start)
        elif not tail.is_kept_in(values):
            self._rows.delete_list(key, name)
        saved = tail.end - after.start if tail.is_kept_in(values) else 0
        if len(values) > saved:
            document = [Encoder().tree(value) for value in values[saved:]]
            self._rows.put_entries(key, [EntryRow(name, after.start + saved, version, _text(document))])

    def _fill(self, key: BackendKey, backend: Any) -> None:
        row = self._rows.backend(key)
        self._digests.pop(key, None)
        self._tails.pop(key, None)
        self._elements.pop(key, None)
        if row is None:
            return
        try:
            lists, elements = self._lists(key), self._load_elements(key)
            document = json.loads(row.document)
            Decoder(self._find_backend, lists, elements, row.moto != moto_version()).backend(document, backend)
        except (Unreadable, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                f"the saved state of {key.service} ({key.account}, {key.region}) in {self._rows.path} was written with "
                f"moto {row.moto} and cannot be read with moto {moto_version()}: {error or type(error).__name__}",
                f"install moto {row.moto}, or forget the state with `harness reset`",
            ) from error
        if self._rows.versions(key) == {moto_version()}:
            self._digests[key] = _digest(row.document)
            starts = {row.list: row.first for row in reversed(self._rows.entries(key))}
            self._tails[key] = {name: Tail.of(values, starts[name]) for name, values in lists.items()}
            self._elements[key] = Elements(elements)
        else:
            self._outdated.add(key)

    def _lists(self, key: BackendKey) -> dict[str, list[Any]]:
        loaded: dict[str, list[Any]] = {}
        for row in self._rows.entries(key):
            decoder = Decoder(self._find_backend, other_moto=row.moto != moto_version())
            loaded.setdefault(row.list, []).extend(decoder.value(each) for each in json.loads(row.document))
        return loaded

    def _load_elements(self, key: BackendKey) -> dict[int, Any]:
        loaded: dict[int, Any] = {}
        for row in self._rows.elements(key):
            decoder = Decoder(self._find_backend, other_moto=row.moto != moto_version())
            loaded[row.key] = decoder.value(json.loads(row.document))
        return loaded


def _text(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
