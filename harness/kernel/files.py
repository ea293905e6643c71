"""Files that only their owner may read and write."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def open_private(path: str, flags: int) -> int:
    """Open a file so that only its owner may read it, even if it exists with another mode.

    An ``opener`` for ``open``.
    """
    descriptor = os.open(path, flags, PRIVATE_FILE)
    with contextlib.suppress(PermissionError):  # the file belongs to another user, who lets this one write to it
        os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor


def write_private(path: Path, content: bytes) -> None:
    """Replace a file atomically by one that only its owner may read."""
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, PRIVATE_FILE)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
    draft.replace(path)
