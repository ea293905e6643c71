"""Disk usage of folders, and the space that removing them frees."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Space:
    """Bytes on disk. ``linked`` bytes have hard links elsewhere (uv's cache), so removing the folder keeps them."""

    size: int = 0
    linked: int = 0

    @property
    def freed(self) -> int:
        return self.size - self.linked


def space_of(folder: Path) -> Space:
    """Measure a folder. A file with several hard links below it is counted once."""
    names: dict[tuple[int, int], int] = {}
    files: dict[tuple[int, int], os.stat_result] = {}
    for status in _files(folder):
        key = (status.st_dev, status.st_ino)
        names[key] = names.get(key, 0) + 1
        files[key] = status
    size = sum(status.st_blocks for status in files.values()) * 512
    linked = sum(status.st_blocks for key, status in files.items() if status.st_nlink > names[key]) * 512
    return Space(size, linked)


def _files(folder: Path) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                yield Path(parent, name).lstat()
            except OSError:  # deleted in the meantime
                continue


def readable_size(size: float) -> str:
    """Format a size as ``docker`` does: 622MB."""
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f}{unit}"
        size /= 1000
    return f"{size:.2f}GB"
