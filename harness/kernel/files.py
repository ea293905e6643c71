"""Files that are their owner's alone."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700


def open_private(path: str, flags: int) -> int:
    """An opener for ``open``: makes the file readable by its owner only, also one that exists with another mode."""
    descriptor = os.open(path, flags, PRIVATE_FILE)
    with contextlib.suppress(PermissionError):  # another user's, who lets us write to it
        os.fchmod(descriptor, PRIVATE_FILE)
    return descriptor


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by one that only its owner may read."""
    with open(path, "wb", opener=open_private) as file:
        file.write(content)
