"""How much disk folders take, and how much is free again when they go."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Space:
    """Bytes on disk. ``linked`` of them have names elsewhere too (uv's cache): removing the folder frees the rest."""

    size: int = 0
    linked: int = 0

    @property
    def freed(self) -> int:
        return self.size - self.linked


def space_of(folder: Path) -> Space:
    """What has several names below the folder is counted once."""
    names: dict[tuple[int, int], int] = {}
    files: dict[tuple[int, int], os.stat_result] = {}
    for found in _files(folder):
        key = (found.st_dev, found.st_ino)
        names[key] = names.get(key, 0) + 1
        files[key] = found
    size = sum(found.st_blocks for found in files.values()) * 512
    linked = sum(found.st_blocks for key, found in files.items() if found.st_nlink > names[key]) * 512
    return Space(size, linked)


def _files(folder: Path) -> Iterator[os.stat_result]:
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                yield Path(parent, name).lstat()
            except OSError:  # gone in the meantime
                continue


def readable_size(size: float) -> str:
    """As ``docker`` says it: 622MB."""
    for unit in ("B", "kB", "MB"):
        if size < 999.5:
            return f"{size:.0f}{unit}"
        size /= 1000
    return f"{size:.2f}GB"
