"""``StateFolder``: the folder with all state of an emulator. Only one emulator at a time can use it."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import stat
import struct
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from harness.kernel.errors import StateError
from harness.kernel.files import PRIVATE_FOLDER

ANNOUNCEMENT = "emulator.json"
_OTHER_COMMANDS_FILES = {".gitignore", "client", "emulator.out", "history.jsonl", "kept", "lock", "reports"}


class StateFolder:
    """Locks the folder from ``hold`` to ``release``. The lock ends with the process, even if that is killed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None
        self._path_lock: socket.socket | None = None

    def hold(self) -> None:
        """Lock the folder. Raise ``StateError``, which names the other emulator, if it is in use."""
        try:
            make_private(self.path)
            lock = (self.path / "lock").open("ab")  # stays open, because closing the file releases the lock
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
        try:
            self._path_lock = lock_path(self.path)
        except OSError as error:
            lock.close()
            raise StateError(
                f"an emulator still runs{_holder_of(self.path)} that had {self.path} before the folder was removed or "
                "replaced",
                "end it, or choose another folder with --state",
            ) from error
        self._lock = lock
        (self.path / ".gitignore").write_text("*\n")

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
        if self._path_lock is not None:
            self._path_lock.close()
            self._path_lock = None

    def is_lost(self) -> bool:
        """Return True if the folder was removed or replaced since it was locked, so that new state would be lost."""
        if self._lock is None:
            return False
        try:
            there = (self.path / "lock").stat()
        except OSError:
            return True
        held = os.fstat(self._lock.fileno())
        return (there.st_ino, there.st_dev) != (held.st_ino, held.st_dev)

    def _holder(self) -> tuple[str, str]:
        """Describe the emulator that holds the folder, and say what to do about it."""
        facts = read_announcement(self.path)
        if facts is None:
            return "another emulator that is just starting or stopping", "try again, or choose another with --state"
        return (
            f"the emulator running as process {facts['pid']} at {facts['address']}",
            "stop it with `harness stop`, or choose another folder with --state",
        )


def lock_path(path: Path) -> socket.socket | None:
    """Lock the path itself, which outlives the folder: a socket in Linux's abstract namespace goes with its process.

    Raises ``OSError`` if a process of this user has it. None where the system has no such sockets.
    """
    if not sys.platform.startswith("linux"):
        return None
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(_socket_name(path))
        holder.listen(1)
    except OSError:
        holder.close()
        peer = _peer(path)
        if peer is not None and peer[1] != os.getuid():  # another user cannot keep us from our own folder
            return None
        raise
    return holder


def _holder_of(path: Path) -> str:
    peer = _peer(path)
    return "" if peer is None else f" as process {peer[0]}"


def _peer(path: Path) -> tuple[int, int] | None:
    """Return process and user of the path's lock; None if nobody has it."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller, contextlib.suppress(OSError):
        caller.settimeout(1.0)
        caller.connect(_socket_name(path))
        process, user, _ = struct.unpack("3i", caller.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return process, user
    return None


def _socket_name(path: Path) -> bytes:
    digest = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return f"\0harness-state-{os.getuid()}-{digest[:40]}".encode()


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
