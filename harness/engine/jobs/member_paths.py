"""Finds where the members of an archive lie below the folder that it is unpacked to, following its own links."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from pathlib import Path

MOST_LINKS = 40
"""The most links on the way to a file, as in Linux. Following more of them would take the square of their number."""


class LinksOutside(Exception):
    """Links lead out of the folder."""


class MemberPaths:
    """Nothing else changes the folder meanwhile, so folders are looked up once, until a link is made or removed."""

    def __init__(self, folder: Path) -> None:
        self._root = str(folder.resolve())
        self._folders: dict[tuple[str, ...], Path] = {}

    def folder(self, parts: tuple[str, ...]) -> Path:
        """Return the path of a folder without links in it. Create it if it is missing. Raises as ``find`` does."""
        known = self._folders.get(parts)
        if known is None:
            known = self._folders[parts] = self.find(parts)
            known.mkdir(parents=True, exist_ok=True)
        return known

    def forget(self) -> None:
        """Look everything up anew: a link was made or removed."""
        self._folders.clear()

    def find(self, parts: Sequence[str]) -> Path:
        """Return the path that a name means, without links in it. What is missing is taken for folders.

        Raises ``LinksOutside``, and ``OSError`` (ELOOP) for too many links.
        """
        at: list[str] = []
        waiting = list(reversed(parts))
        links = 0
        while waiting:
            part = waiting.pop()
            if part in ("", "."):
                continue
            if part == "..":
                if not at:
                    raise LinksOutside
                at.pop()
                continue
            at.append(part)
            try:
                target = str(Path(self._root, *at).readlink())
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.ENOENT, errno.ENOTDIR):
                    raise
                continue  # no link, or nothing
            at.pop()
            links += 1
            if links > MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            if target.startswith("/"):
                raise LinksOutside
            waiting += reversed(target.split("/"))
        return Path(self._root, *at)
