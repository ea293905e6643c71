"""``StateFolder``: the folder with all state of an emulator. Only one emulator at a time can use it."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from harness.kernel.errors import StateError
from harness.kernel.files import PRIVATE_FOLDER
from harness.stores.path_claim import PathClaim

ANNOUNCEMENT = "emulator.json"
_OTHER_COMMANDS_FILES = {".gitignore", "client", "emulator.out", "history.jsonl", "kept", "lock", "reports"}


class StateFolder:
    """Locks the folder from ``hold`` to ``release``. The lock ends with the process, even if that is killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None
        self._claim = PathClaim(path)

    def hold(self) -> None:
        """Lock the folder. Raise ``StateError``, which names the other emulator, if it is in use."""
        try:
            make_private(self.path)
            for name in ("lock", ".gitignore"):
                check_file(self.path / name)
            lock = (self.path / "lock").open("ab")  # stays open, because closing the file releases the lock
            (self.path / ".gitignore").write_text("*\n")
        except OSError as error:
            raise StateError(
                f"the state folder {self.path} cannot be used ({error.strerror})", "choose another with --state"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            holder, remedy = self._holder()
            raise StateError(f"the state folder {self.path} is in use by {holder}", remedy) from error
        process = self._claim.take()
        if process is not None:
            lock.close()
            raise StateError(
                f"the emulator running as process {process} still answers for a folder that was removed from "
                f"{self.path}",
                f"end it with `kill {process}`, or choose another folder with --state",
            )
        self._lock = lock

    def is_lost(self) -> bool:
        """Return True if the folder was removed or replaced since it was locked, so that new state would be lost."""
        if self._lock is None:
            return False
        try:
            return not os.path.samestat(os.fstat(self._lock.fileno()), (self.path / "lock").stat())
        except FileNotFoundError:
            return True
        except (OSError, ValueError):  # the calls themselves report what is wrong
            return False

    def announce(self, facts: Mapping[str, Any]) -> None:
        """Write atomically where the emulator listens, for other commands."""
        draft = self.path / f"{ANNOUNCEMENT}.new"
        try:
            draft.write_text(json.dumps(facts))
            draft.replace(self.path / ANNOUNCEMENT)
        except OSError as error:
            raise StateError(
                f"the state folder {self.path} cannot be written ({error.strerror})",
                "free space on its disk, or choose another with --state",
            ) from error

    def release(self) -> None:
        if self._lock is not None:
            (self.path / ANNOUNCEMENT).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
            self._claim.drop()

    def _holder(self) -> tuple[str, str]:
        """Describe the emulator that holds the folder, and say what to do about it."""
        facts = read_announcement(self.path)
        if facts is None:
            return "another emulator that is just starting or stopping", "try again, or choose another with --state"
        return (
            f"the emulator running as process {facts['pid']} at {facts['address']}",
            "stop it with `harness stop`, or choose another folder with --state",
        )


def check_file(path: Path) -> None:
    """Raise ``StateError`` if something else than a file has the name of one of the emulator's files.

    Opening a FIFO would wait for ever; through a link the emulator would write to a file anywhere.
    """
    if path.is_symlink() or (os.path.lexists(path) and not path.is_file()):
        raise StateError(f"{path} is no regular file", "move it away, or choose another folder with --state")


def make_private(path: Path) -> None:
    """Create a state folder that only its owner may enter, or restrict an existing one to its owner.

    A folder with other files is not changed, because its name may be a mistake.
    """
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) != PRIVATE_FOLDER and _is_ours({entry.name for entry in path.iterdir()}):
        with contextlib.suppress(PermissionError):  # a volume of another user, who lets this one write to it
            path.chmod(PRIVATE_FOLDER)


def _is_ours(names: set[str]) -> bool:
    """Return True for a folder of an emulator, or one that only has files of commands that run before one."""
    return {"lock", "emulator.log"} <= names or names <= _OTHER_COMMANDS_FILES


def is_held(path: Path) -> bool:
    """Return True if a running emulator has locked the folder. Its announcement may be left by a killed one."""
    try:
        with (path / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def read_announcement(path: Path) -> Mapping[str, Any] | None:
    """Return what the emulator on this folder announced, or None. A killed emulator leaves its announcement."""
    try:
        facts = json.loads((path / ANNOUNCEMENT).read_text())
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and {"pid", "address"} <= facts.keys() else None
