"""``StateFolder``: the folder an emulator keeps everything in, held by one emulator at a time."""

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
_MADE_BEFORE = {".gitignore", "client", "emulator.out", "history.jsonl", "kept", "lock", "reports"}


class StateFolder:
    """Holds the folder from ``hold`` to ``release``; the lock goes with the process, however it ends."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None
        self._claim = PathClaim(path)

    def hold(self) -> None:
        """``StateError`` naming the emulator that has the folder."""
        try:
            make_private(self.path)
            for name in ("lock", ".gitignore"):
                check_file(self.path / name)
            lock = (self.path / "lock").open("ab")  # held open: the lock lives as long as the file
            (self.path / ".gitignore").write_text("*\n")
        except OSError as error:
            raise StateError(
                f"the state folder {self.path} cannot be used ({error.strerror}); choose another with --state"
            ) from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.close()
            raise StateError(f"the state folder {self.path} is in use by {self._holder()}") from error
        process = self._claim.take()
        if process is not None:
            lock.close()
            raise StateError(
                f"the emulator running as process {process} still answers for a folder that was removed from "
                f"{self.path}; end it with `kill {process}`, or choose another folder with --state"
            )
        self._lock = lock

    def is_lost(self) -> bool:
        """Whether the folder that is held is no longer at its path: what is written now would be lost."""
        if self._lock is None:
            return False
        try:
            return not os.path.samestat(os.fstat(self._lock.fileno()), (self.path / "lock").stat())
        except FileNotFoundError:
            return True
        except (OSError, ValueError):  # not to be said now: the calls themselves say what is wrong
            return False

    def announce(self, facts: Mapping[str, Any]) -> None:
        """Tell other commands where the emulator listens; readers never see half a file."""
        draft = self.path / f"{ANNOUNCEMENT}.new"
        try:
            draft.write_text(json.dumps(facts))
            draft.replace(self.path / ANNOUNCEMENT)
        except OSError as error:
            raise StateError(
                f"the state folder {self.path} cannot be written ({error.strerror}); free space on its disk, or choose "
                "another with --state"
            ) from error

    def release(self) -> None:
        if self._lock is not None:
            (self.path / ANNOUNCEMENT).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None
            self._claim.drop()

    def _holder(self) -> str:
        facts = announced(self.path)
        if facts is None:
            return "another emulator that is just starting or stopping; try again, or choose another with --state"
        return (
            f"the emulator running as process {facts['pid']} at {facts['address']}; "
            "stop it with `harness stop`, or choose another folder with --state"
        )


def check_file(path: Path) -> None:
    """Raise ``StateError`` if something else than a file has the name of one of the emulator's files.

    Opening a FIFO would wait for ever; a link to nothing could make a file anywhere.
    """
    if os.path.lexists(path) and not path.is_file():
        raise StateError(f"{path} is no regular file; move it away, or choose another folder with --state")


def make_private(path: Path) -> None:
    """Make a state folder that only its owner may enter, or close the one there is.

    A folder that holds other things stays as it is: its name may have been a mistake.
    """
    path.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    if stat.S_IMODE(path.stat().st_mode) != PRIVATE_FOLDER and _is_ours({entry.name for entry in path.iterdir()}):
        with contextlib.suppress(PermissionError):  # a volume of somebody else's, who lets us write to it
            path.chmod(PRIVATE_FOLDER)


def _is_ours(names: set[str]) -> bool:
    """Whether a folder with these entries was an emulator's, or holds only what other commands make before one."""
    return {"lock", "emulator.log"} <= names or names <= _MADE_BEFORE


def is_held(path: Path) -> bool:
    """Whether an emulator has the folder now; an announcement alone may be that of one that was killed."""
    try:
        with (path / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def announced(path: Path) -> Mapping[str, Any] | None:
    """What the emulator on this folder said of itself, or None. It may be dead by now: a SIGKILL leaves the file."""
    try:
        facts = json.loads((path / ANNOUNCEMENT).read_text())
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) and {"pid", "address"} <= facts.keys() else None
