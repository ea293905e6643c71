"""The events of a running scenario: what they hold, and how they are written and read.

They are JSON lines in one file, which the parent reads while the scenario writes. A file and not a pipe: it can be
written from every kind of isolated process, and one that is killed leaves what it has written.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, ClassVar

from harness.kernel.files import open_private
from harness.kernel.masking import mask, mask_text

_TEXTS = ("error", "evidence", "traceback")


@dataclass(frozen=True, kw_only=True)
class Event:
    """The base of all events. ``KIND`` is the word that identifies a kind of event in the file."""

    KIND: ClassVar[str]
    at: float = field(default_factory=time.time)
    """When it was written, in seconds since 1970."""


@dataclass(frozen=True, kw_only=True)
class StepEvent(Event):
    """A step starts, passes or fails."""

    KIND = "step"
    name: str
    state: str = "started"
    error: str = ""
    replayed: bool = False
    """Whether all its requests were answered from a recording."""
    changed: Sequence[str] = ()
    """Operations that the recording did not hold, so that they were really called."""


@dataclass(frozen=True, kw_only=True)
class ExpectationEvent(Event):
    """An expectation was met or not."""

    KIND = "expectation"
    text: str
    passed: bool
    evidence: str = ""
    step: str | None = None


@dataclass(frozen=True, kw_only=True)
class EvidenceEvent(Event):
    """Something to show in the report; ``kind`` says how it is drawn."""

    KIND = "evidence"
    kind: str
    title: str
    content: dict[str, Any] = field(default_factory=dict)
    step: str | None = None


@dataclass(frozen=True, kw_only=True)
class CreatedEvent(Event):
    """The scenario requested a new resource; ``config`` names the resource that holds its machines."""

    KIND = "created"
    kind: str
    name: str
    instances: Sequence[Mapping[str, Any]] = ()
    images: Sequence[str] = ()
    config: str = ""
    step: str | None = None


@dataclass(frozen=True, kw_only=True)
class CalledEvent(Event):
    """The scenario called an operation of AWS's API for the first time."""

    KIND = "called"
    service: str
    operation: str
    bucket: str = ""


@dataclass(frozen=True, kw_only=True)
class ReusedEvent(Event):
    """A job was answered with the result of an earlier one, ``source``, which took so many seconds."""

    KIND = "reused"
    kind: str
    name: str
    source: str = ""
    seconds: float = 0.0
    step: str | None = None


@dataclass(frozen=True, kw_only=True)
class KeptEvent(Event):
    """A run failed and left everything as it was, so that it can be continued."""

    KIND = "kept"
    run: str


@dataclass(frozen=True, kw_only=True)
class LibrariesEvent(Event):
    """The versions of the libraries that results depend on."""

    KIND = "libraries"
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class EndEvent(Event):
    """The scenario ended."""

    KIND = "end"
    passed: bool
    interrupted: bool = False
    traceback: str = ""
    tests: Sequence[str] = ()
    """The ids of the tests that used the session, where it was one of the pytest plugin."""


_KINDS: dict[str, type[Event]] = {
    kind.KIND: kind
    for kind in (
        StepEvent,
        ExpectationEvent,
        EvidenceEvent,
        CreatedEvent,
        CalledEvent,
        ReusedEvent,
        KeptEvent,
        LibrariesEvent,
        EndEvent,
    )
}


def parse_event(line: str | bytes) -> Event | None:
    """Return the event of a line; None for a line that is no event of this or an earlier version."""
    try:
        members = json.loads(line)
        kind = _KINDS[members["event"]]
        known = {each.name for each in fields(kind)}
        return kind(**{"at": 0.0, **{name: value for name, value in members.items() if name in known}})
    except (ValueError, KeyError, TypeError):
        return None


def read_events(file: Path) -> Iterator[Event]:
    """Read the events of a run that has ended."""
    for line in file.read_bytes().splitlines():
        if (event := parse_event(line)) is not None:
            yield event


class EventWriter:
    """Appends events; each is on disk when ``write`` returns. Thread-safe."""

    def __init__(self, file: Path) -> None:
        descriptor = open_private(str(file), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
        self._stream = os.fdopen(descriptor, "a", encoding="utf-8")
        self._lock = threading.Lock()

    def write(self, event: Event) -> None:
        """Append an event, without the secrets in its texts."""
        line = format_event(event)
        with self._lock:
            if self._stream.closed:  # written by a client that outlived its session; nobody reads any more
                return
            self._stream.write(line + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Close the file; later events are dropped."""
        self._stream.close()


def format_event(event: Event) -> str:
    """Return the event as one line of JSON, without its newline."""
    members = {each.name: getattr(event, each.name) for each in fields(event)}
    return json.dumps({"event": event.KIND, **_without_secrets(members)}, default=str)


def _without_secrets(members: dict[str, Any]) -> dict[str, Any]:
    """Mask secrets. The content of an archive is named by its files, which may be called ``tokenizer.json``."""
    shown = {name: mask_text(members[name]) for name in _TEXTS if isinstance(members.get(name), str)}
    if "content" in members and members.get("kind") != "artifact":
        shown["content"] = mask(members["content"])
    return {**members, **shown}


class EventReader:
    """Reads the events that were appended since the last time; a half-written line waits for its end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = 0

    def new(self) -> Iterator[Event]:
        """Yield the events since the last time."""
        if not self._file.exists():
            return
        with self._file.open("rb") as stream:
            stream.seek(self._position)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                if (event := parse_event(line)) is not None:
                    yield event
