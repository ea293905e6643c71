"""The ledger of a run on AWS: one JSON line for each resource, on disk before the request to create it is sent.

Written and read by the scenario's process and by the teardown. Knows no service, and needs the standard library only.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

INTENDED, CREATED, REFUSED, DELETED, KEPT = "intended", "created", "refused", "deleted", "kept"
"""States: requested; there; refused by AWS; gone; left on purpose. A resource that is intended may or may not exist."""
OPEN = (INTENDED, CREATED)
VERSION = 1


class LedgerUnreadable(Exception):
    """A file that is no ledger, or one of another version."""


@dataclass(frozen=True)
class Header:
    """The first line of a ledger: the run it belongs to. ``expires`` is a moment in seconds since 1970."""

    run: str
    scenario: str
    profile: str
    account: str
    region: str
    owner: str
    started: float
    expires: float
    version: int = VERSION


@dataclass(frozen=True)
class LedgerEntry:
    """One resource: ``service`` as boto3 names it, ``kind`` as in ``CreateKIND``, ``name`` as the API knows it.

    ``identity`` holds the members of its Delete request, as far as known; ``instances`` are what it is billed for, each
    with ``InstanceType`` and ``InstanceCount``.
    """

    service: str
    kind: str
    name: str
    state: str
    at: float
    intended: float
    identity: Mapping[str, Any] = field(default_factory=dict)
    instances: tuple[Mapping[str, Any], ...] = ()
    step: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    requests: int = 1
    """How many requests to create it were sent without an answer so far."""

    @property
    def open(self) -> bool:
        """True when it exists, or may exist."""
        return self.state in OPEN

    @property
    def key(self) -> tuple[str, str, str]:
        """The members that identify it."""
        return self.service, self.kind, self.name


class Ledger:
    """Appends lines; each is on disk when a method returns. Thread-safe. ``alive`` until ``close``."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._stream = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._finish_cut_line()
        # Shared by the run and its scenario; released when the process ends, however that happens.
        fcntl.flock(self._stream, fcntl.LOCK_SH)

    @classmethod
    def begin(cls, folder: Path, header: Header) -> Ledger:
        """Make a new ledger in a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        ledger = cls(folder / f"{header.run}.jsonl")
        ledger._append({"ledger": vars(header)})
        _sync_folder(folder)
        return ledger

    def intend(self, service: str, kind: str, name: str, **more: Any) -> None:
        """Record a resource before its creation is requested."""
        self._append(
            {"state": INTENDED, "service": service, "kind": kind, "name": name, **_present(more), "at": time.time()}
        )

    def mark(self, key: tuple[str, str, str], state: str, **more: Any) -> None:
        """Record a new state of a resource."""
        service, kind, name = key
        self._append(
            {"state": state, "service": service, "kind": kind, "name": name, **_present(more), "at": time.time()}
        )

    def close(self) -> None:
        """Close the file, and release its lock."""
        os.close(self._stream)

    def _finish_cut_line(self) -> None:
        """End a last line that a crash cut short, so that later lines do not become part of it."""
        if (content := self.file.read_bytes()) and not content.endswith(b"\n"):
            os.write(self._stream, b"\n")

    def _append(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, default=str).encode() + b"\n"
        with self._lock:
            os.write(self._stream, data)
            os.fsync(self._stream)


def read(file: Path) -> tuple[Header, list[LedgerEntry]]:
    """Read all resources, in the order of their creation, each in its last state."""
    lines = [_decode(line) for line in file.read_bytes().splitlines()]
    first = lines[0].get("ledger") if lines else None
    if not isinstance(first, dict) or first.get("version") != VERSION:
        raise LedgerUnreadable(f"{file} is not a ledger of this version of harness")
    entries: dict[tuple[str, str, str], LedgerEntry] = {}
    for line in lines[1:]:
        with contextlib.suppress(KeyError):  # a line cut short by a crash or a full disk: its request was not sent
            entry = _entry(line)
            before = entries.get(entry.key)
            entries[entry.key] = entry if before is None else _merge(before, entry)
    return Header(**first), list(entries.values())


def alive(file: Path) -> bool:
    """Return True while a run or its scenario writes to the ledger."""
    with file.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def ledgers(folder: Path) -> Iterator[Path]:
    """List the ledgers, the oldest first, as a run's id begins with its time."""
    yield from sorted(folder.glob("*.jsonl"))


def _entry(line: Mapping[str, Any]) -> LedgerEntry:
    return LedgerEntry(
        line["service"],
        line["kind"],
        line["name"],
        line["state"],
        line["at"],
        line["at"],
        line.get("identity", {}),
        tuple(line.get("instances", ())),
        line.get("step"),
        line.get("detail", {}),
    )


def _merge(before: LedgerEntry, now: LedgerEntry) -> LedgerEntry:
    """Return the entry after one more line. A second creation of what may exist changes nothing, as AWS refuses it."""
    if now.state == INTENDED:
        return replace(before, requests=before.requests + 1) if before.open else now
    waiting = before.requests - 1
    if now.state == REFUSED and (before.state == CREATED or waiting):
        return replace(before, requests=waiting)
    return replace(
        before,
        state=now.state,
        at=now.at,
        requests=waiting if now.state in (CREATED, REFUSED) else 0,
        identity={**before.identity, **now.identity},
        detail={**before.detail, **now.detail},
    )


def _present(more: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if value}


def _decode(line: bytes) -> dict[str, Any]:
    try:
        members = json.loads(line)
    except ValueError:
        return {}
    return members if isinstance(members, dict) else {}


def _sync_folder(folder: Path) -> None:
    """Write a folder to disk: a new file's name is there only with its folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
