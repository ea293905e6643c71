"""The folder a running job has on disk: its root, home and temporary files. It goes when the job has ended."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.kernel.removal import remove_tree
from harness.runners.process.inside import processes

_numbers = itertools.count(1)


class JobFolders:
    """The folders of one runner: ``<folder>/<process id>.<its start>/<number>-<job>``."""

    def __init__(self, folder: Path) -> None:
        self._all = folder.absolute()
        self.own = self._all / f"{os.getpid()}.{processes.start_time(os.getpid())}"

    def make(self, name: str) -> Path:
        safe = re.sub(r"[^A-Za-z0-9._-]", "-", name)[:64]
        made = self.own / f"{next(_numbers)}-{safe}"
        made.mkdir(parents=True, mode=0o700)
        return made

    @contextlib.contextmanager
    def passing(self, name: str) -> Iterator[Path]:
        made = self.make(name)
        try:
            yield made
        finally:
            remove_tree(made)

    def close(self) -> None:
        remove_tree(self.own)

    def abandoned(self) -> list[Path]:
        """Folders of runners whose process is gone."""
        if not self._all.is_dir():
            return []
        return sorted(place for place in self._all.iterdir() if not _owner_lives(place.name))


def _owner_lives(name: str) -> bool:
    pid, _, start = name.partition(".")
    # One that ended lives on as a zombie where nobody takes note of that, as in containers without an init.
    return pid.isdigit() and processes.start_time(int(pid)) == start != "" and not processes.ended(int(pid))


def users_of(folder: Path) -> list[int]:
    """Processes whose environment or arguments point into the folder: its jobs' programs and their attendants."""
    needle = os.fsencode(f"{folder}/")
    found = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            words = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if needle in words:
            found.append(int(process.name))
    return found
