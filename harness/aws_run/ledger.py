"""The ledger of a run on AWS: one JSON line for each thing created, on disk before AWS is asked for it.

Written by the scenario's process and by whoever tears down; read by both. Knows no service, needs the standard library.
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
"""Asked for; there; AWS said no; gone; left on purpose. What is only intended may or may not be there."""
OPEN = (INTENDED, CREATED)
VERSION = 1


class LedgerUnreadable(Exception):
    """The file is no ledger, or one of another version."""


@dataclass(frozen=True)
class Header:
    """Whose ledger it is. ``expires`` is a moment in seconds since 1970."""

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
    """One thing: ``service`` as boto3 names it, ``kind`` as in ``CreateKIND``, ``name`` as the API knows it.

    ``identity`` is what its Delete wants to be told, as far as known; ``instances`` are what it is billed for, each
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
    asked: int = 1
    """How often it was asked for without an answer so far."""

    @property
    def open(self) -> bool:
        return self.state in OPEN

    @property
    def key(self) -> tuple[str, str, str]:
        return self.service, self.kind, self.name


class Ledger:
    """Appends lines; each is on disk when a method returns. Thread-safe. Held (``alive``) until ``close``."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._lock = threading.Lock()
        self._stream = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._finish_cut_line()
        # Shared by the run and its scenario; goes with the process that held it, however that ends.
        fcntl.flock(self._stream, fcntl.LOCK_SH)

    @classmethod
    def begin(cls, folder: Path, header: Header) -> Ledger:
        folder.mkdir(parents=True, exist_ok=True)
        ledger = cls(folder / f"{header.run}.jsonl")
        ledger._append({"ledger": vars(header)})
        _sync_folder(folder)
        return ledger

    def intend(self, service: str, kind: str, name: str, **more: Any) -> None:
        self._append(
            {"state": INTENDED, "service": service, "kind": kind, "name": name, **_present(more), "at": time.time()}
        )

    def mark(self, key: tuple[str, str, str], state: str, **more: Any) -> None:
        service, kind, name = key
        self._append(
            {"state": state, "service": service, "kind": kind, "name": name, **_present(more), "at": time.time()}
        )

    def close(self) -> None:
        os.close(self._stream)

    def _finish_cut_line(self) -> None:
        """A crash may have cut the last line short; what is appended must not become part of it."""
        if (content := self.file.read_bytes()) and not content.endswith(b"\n"):
            os.write(self._stream, b"\n")

    def _append(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line, default=str).encode() + b"\n"
        with self._lock:
            os.write(self._stream, data)
            os.fsync(self._stream)


def read(file: Path) -> tuple[Header, list[LedgerEntry]]:
    """Everything it holds, in the order it was asked for, each in its last state."""
    lines = [_decoded(line) for line in file.read_bytes().splitlines()]
    first = lines[0].get("ledger") if lines else None
    if not isinstance(first, dict) or first.get("version") != VERSION:
        raise LedgerUnreadable(f"{file} is not a ledger of this version of harness")
    found: dict[tuple[str, str, str], LedgerEntry] = {}
    for line in lines[1:]:
        with contextlib.suppress(KeyError):  # a line cut short by a crash or a full disk: what it was for was not asked
            entry = _entry(line)
            before = found.get(entry.key)
            found[entry.key] = entry if before is None else _moved(before, entry)
    return Header(**first), list(found.values())


def alive(file: Path) -> bool:
    """Whether a run or its scenario still writes to it."""
    with file.open("rb") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def ledgers(folder: Path) -> Iterator[Path]:
    """The oldest first: a run's id begins with its time."""
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


def _moved(before: LedgerEntry, now: LedgerEntry) -> LedgerEntry:
    """What was asked for again while it is, or may be, there, stays what it was: AWS refuses the second of a name."""
    if now.state == INTENDED:
        return replace(before, asked=before.asked + 1) if before.open else now
    waiting = before.asked - 1
    if now.state == REFUSED and (before.state == CREATED or waiting):
        return replace(before, asked=waiting)
    return replace(
        before,
        state=now.state,
        at=now.at,
        asked=waiting if now.state in (CREATED, REFUSED) else 0,
        identity={**before.identity, **now.identity},
        detail={**before.detail, **now.detail},
    )


def _present(more: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if value}


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sync_folder(folder: Path) -> None:
    """A new file's name is on disk only when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
