"""The folder a running job has on disk: its root, home and temporary files. It goes when the job has ended."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

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
            remove(made)

    def close(self) -> None:
        remove(self.own)

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


def remove(folder: Path) -> None:
    """Remove a folder whatever its modes; what the job still writes into it is given a few rounds."""
    for _ in range(3):
        if sys.version_info >= (3, 12):
            shutil.rmtree(folder, onexc=_open_up)
        else:
            shutil.rmtree(folder, onerror=_open_up)
        if not folder.exists():
            return


def _open_up(function: Callable[..., Any], path: str, _: Any) -> None:
    for place in (Path(path).parent, Path(path)):
        with contextlib.suppress(OSError):
            if not place.is_symlink():
                place.chmod(stat.S_IRWXU)
    with contextlib.suppress(OSError):
        if function in (os.unlink, os.rmdir):
            function(path)
