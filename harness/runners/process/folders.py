"""The temporary folders of running jobs (root, home and temporary files); they are removed when the job ends."""

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
    """The job folders of one runner: ``<folder>/<process id>.<its start>/<number>-<job>``."""

    def __init__(self, folder: Path) -> None:
        self._all = folder.absolute()
        self.own = self._all / f"{os.getpid()}.{processes.start_time(os.getpid())}"

    def make(self, name: str) -> Path:
        safe = re.sub(r"[^A-Za-z0-9._-]", "-", name)[:64]
        folder = self.own / f"{next(_numbers)}-{safe}"
        folder.mkdir(parents=True, mode=0o700)
        return folder

    @contextlib.contextmanager
    def temporary(self, name: str) -> Iterator[Path]:
        folder = self.make(name)
        try:
            yield folder
        finally:
            remove_tree(folder)

    def close(self) -> None:
        remove_tree(self.own)

    def orphans(self) -> list[Path]:
        """Return the folders of runners whose process has ended."""
        if not self._all.is_dir():
            return []
        return sorted(folder for folder in self._all.iterdir() if not _is_owner_alive(folder.name))


def _is_owner_alive(name: str) -> bool:
    pid, _, start = name.partition(".")
    # An ended process may remain as a zombie, as in containers without an init process.
    return pid.isdigit() and processes.start_time(int(pid)) == start != "" and not processes.has_ended(int(pid))


def users_of(folder: Path) -> list[int]:
    """Return processes whose environment or arguments contain the folder: programs of its jobs and their helpers."""
    needle = os.fsencode(f"{folder}/")
    pids = []
    for process in Path("/proc").iterdir():
        if not process.name.isdigit() or int(process.name) == os.getpid():
            continue
        try:
            words = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if needle in words:
            pids.append(int(process.name))
    return pids
