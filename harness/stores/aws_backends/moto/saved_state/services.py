"""``ServiceState``: saves the back ends that a request changed before it is answered, and restores them at first use.

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
from typing import Any, NamedTuple

from harness.kernel.errors import StateError
from harness.stores.aws_backends.moto.faults import full_disk
from harness.stores.aws_backends.moto.moto_version import moto_version
from harness.stores.aws_backends.moto.saved_state.classes import package_of
from harness.stores.aws_backends.moto.saved_state.decoder import Decoder, FindBackend, Unreadable
from harness.stores.aws_backends.moto.saved_state.encoder import Encoder, Unstorable
from harness.stores.aws_backends.moto.saved_state.rows import BackendKey, BackendRow, EntryRow, ServiceRows

logger = logging.getLogger(__name__)


class Tail(NamedTuple):
    """How much of an append-only list is saved."""

    first: Any
    last: Any
    size: int

    @classmethod
    def of(cls, values: list[Any]) -> Tail:
        return cls(values[0], values[-1], len(values)) if values else cls(None, None, 0)

    def continues(self, values: list[Any]) -> bool:
        """Whether what is saved is the beginning of the list still."""
        if self.size == 0:
            return True
        return len(values) >= self.size and values[0] is self.first and values[self.size - 1] is self.last


@dataclass(frozen=True)
class Change:
    key: BackendKey
    text: str
    digest: bytes
    lists: Mapping[str, list[Any]]


class ServiceState:
    def __init__(self, rows: ServiceRows, packages: frozenset[str], find_backend: FindBackend) -> None:
        self._rows = rows
        self._packages = packages
        self._find_backend = find_backend
        self._touched: dict[BackendKey, Any] = {}
        self._read: dict[BackendKey, Any] = {}
        self._digests: dict[BackendKey, bytes] = {}
        self._tails: dict[BackendKey, dict[str, Tail]] = {}
        self._outdated: set[BackendKey] = set()
        """Restored from documents of another moto: all of it is written anew with the next change."""

    def set_aside(self) -> None:
        """What was touched was only read. moto may have noted when; saved with the next change."""
        self._read.update(self._touched)
        self._touched.clear()

    def touch(self, backend: Any) -> None:
        package = package_of(backend)
        if package in self._packages:
            self._touched[BackendKey(package, backend.account_id, backend.region_name)] = backend

    def save(self) -> None:
        """Write what the request changed. If that fails, memory goes back to what is written."""
        try:
            self._save()
        except BaseException:
            self.take_back()
            raise

    def save_if_possible(self) -> None:
        """For what no client was answered yet: a full disk must not end a job, or the start."""
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
            self._tails[change.key] = {name: Tail.of(values) for name, values in change.lists.items()}
            self._read.pop(change.key, None)
            self._outdated.discard(change.key)
        self._touched.clear()

    def take_back(self) -> None:
        """What the request changed did not happen."""
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
        """Fill a back end that moto has just made. ``StateError`` where it cannot be read; nothing is changed then."""
        key = BackendKey(package_of(backend), backend.account_id, backend.region_name)
        if key.service in self._packages:
            self._fill(key, backend)

    def packages(self) -> frozenset[str]:
        """Those of which something is saved."""
        return frozenset(key.service for key in self._rows.backends())

    def restore_all(self, packages: Callable[[str], bool]) -> None:
        for key in self._rows.backends():
            if packages(key.service):
                self._find_backend(*key)

    def forget(self) -> None:
        self._rows.clear()
        for known in (self._touched, self._read, self._digests, self._tails, self._outdated):
            known.clear()

    def close(self) -> None:
        """Save what requests that only read have noted."""
        self._touched, self._read = {**self._read, **self._touched}, {}
        try:
            self.save()
        except (sqlite3.Error, OSError, Unstorable):
            logger.exception("The last changes to the embedded AWS services could not be saved")
        self._rows.close()

    def _change(self, key: BackendKey, backend: Any) -> Change | None:
        encoder = Encoder()
        text = json.dumps(encoder.backend(backend), separators=(",", ":"))
        digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
        tails = self._tails.get(key, {})
        grown = tails.keys() != encoder.lists.keys() or any(
            not tails[name].continues(values) or len(values) != tails[name].size
            for name, values in encoder.lists.items()
        )
        if digest == self._digests.get(key) and not grown:
            return None
        return Change(key, text, digest, encoder.lists)

    def _write(self, changes: list[Change]) -> None:
        version = moto_version()
        for change in changes:
            if change.key in self._outdated:
                self._rows.delete_lists(change.key)
            if change.digest != self._digests.get(change.key):
                self._rows.put_backend(BackendRow(change.key, version, change.text))
            tails = self._tails.get(change.key, {})
            for name in tails.keys() - change.lists.keys():
                self._rows.delete_list(change.key, name)
            for name, values in change.lists.items():
                self._write_list(change.key, name, values, tails.get(name), version)

    def _write_list(self, key: BackendKey, name: str, values: list[Any], tail: Tail | None, version: str) -> None:
        saved = tail.size if tail is not None and tail.continues(values) else 0
        if tail is not None and saved < tail.size:
            self._rows.delete_list(key, name)
        if len(values) > saved:
            document = json.dumps([Encoder().tree(value) for value in values[saved:]], separators=(",", ":"))
            self._rows.put_entries(key, [EntryRow(name, saved, version, document)])

    def _fill(self, key: BackendKey, backend: Any) -> None:
        row = self._rows.backend(key)
        self._digests.pop(key, None)
        self._tails.pop(key, None)
        if row is None:
            return
        try:
            lists = self._lists(key)
            document = json.loads(row.document)
            Decoder(self._find_backend, lists, row.moto != moto_version()).backend(document, backend)
        except (Unreadable, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(
                f"the saved state of {key.service} ({key.account}, {key.region}) in {self._rows.path} was written with "
                f"moto {row.moto} and cannot be read with moto {moto_version()}: {error or type(error).__name__}; "
                f"install moto {row.moto}, or forget the state with `harness reset`"
            ) from error
        if self._rows.versions(key) == {moto_version()}:
            self._digests[key] = hashlib.blake2b(row.document.encode(), digest_size=16).digest()
            self._tails[key] = {name: Tail.of(values) for name, values in lists.items()}
        else:
            self._outdated.add(key)

    def _lists(self, key: BackendKey) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for row in self._rows.entries(key):
            decoder = Decoder(self._find_backend, None, row.moto != moto_version())
            found.setdefault(row.list, []).extend(decoder.value(each) for each in json.loads(row.document))
        return found
