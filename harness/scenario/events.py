"""What a running scenario tells its parent: JSON lines appended to one file, read while they are written.

A file and not a pipe, because it survives every way of enclosing the program, and a killed one leaves what it told.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.kernel.files import open_private
from harness.kernel.masking import mask, mask_text

Event = dict[str, Any]

_TEXTS = ("error", "evidence", "traceback")


class EventWriter:
    """Appends events; each is on disk when ``tell`` returns. Thread-safe."""

    def __init__(self, file: Path) -> None:
        descriptor = open_private(str(file), os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC)
        self._stream = os.fdopen(descriptor, "a", encoding="utf-8")
        self._lock = threading.Lock()

    def tell(self, event: str, **members: Any) -> None:
        members = _without_secrets(members)
        line = json.dumps({"event": event, "at": time.time(), **members}, default=str)
        with self._lock:
            if self._stream.closed:  # told by a client that outlived its session; nobody reads any more
                return
            self._stream.write(line + "\n")
            self._stream.flush()

    def close(self) -> None:
        self._stream.close()


def _without_secrets(members: dict[str, Any]) -> dict[str, Any]:
    """What an archive holds is named by its files, which may be called ``tokenizer.json``."""
    shown = {name: mask_text(members[name]) for name in _TEXTS if isinstance(members.get(name), str)}
    if "content" in members and members.get("kind") != "artifact":
        shown["content"] = mask(members["content"])
    return {**members, **shown}


class EventReader:
    """Reads what was appended since the last look; a half-written line waits for its end."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._position = 0

    def new(self) -> Iterator[Event]:
        if not self._file.exists():
            return
        with self._file.open("rb") as stream:
            stream.seek(self._position)
            for line in stream:
                if not line.endswith(b"\n"):
                    return
                self._position += len(line)
                yield json.loads(line)
