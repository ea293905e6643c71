"""The shared use of an emulator: ``exec`` and ``run`` share one, and the last of them stops what they started.

Kept in two files beside the state: a lock that every user holds, and a note that names an emulator started for a while.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from harness.clients.emulator_process import DEFAULT, RunningEmulator, StartOptions, find, start, stop
from harness.kernel.errors import StateError

_STARTING, _USERS, _TEMPORARY = "starting", "users", "temporary"


@contextlib.contextmanager
def shared(state: Path, options: StartOptions = DEFAULT) -> Iterator[RunningEmulator]:
    """The emulator that runs there; else one on a free port, which goes when its last user does."""
    folder = _folder(state)
    users = os.open(folder / _USERS, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with _alone(folder / _STARTING):
            emulator = _running(state, options)
            if emulator is None:
                # A temporary emulator leaves the usual port to one that stays.
                emulator = start(state, replace(options, port=0))
                (folder / _TEMPORARY).write_text(str(emulator.pid))
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield emulator
        finally:
            _leave(folder, users, emulator)
    finally:
        os.close(users)


def persistent(state: Path, options: StartOptions) -> tuple[RunningEmulator, bool]:
    """Return an emulator that stays, and whether it is new. One that was started for a while stays from now on."""
    folder = _folder(state)
    with _alone(folder / _STARTING):
        (folder / _TEMPORARY).unlink(missing_ok=True)
        emulator = _running(state, options)
        if emulator is not None:
            return emulator, False
        return start(state, options), True


def _running(state: Path, options: StartOptions) -> RunningEmulator | None:
    """Return the running emulator; refuse one that runs with other choices, as others use it."""
    emulator, demanded = find(state), options.demands()
    if emulator is None or not demanded:
        return emulator
    facts = {**emulator.facts(), "port": emulator.port}
    for name, value in demanded.items():
        if facts.get(name) != value:
            raise StateError(
                f"the emulator at {emulator.address} runs with {name} {facts.get(name)!r}, not {value!r}",
                "stop it with `harness stop`, or use another state folder with --state",
            )
    return emulator


def _leave(folder: Path, users: int, emulator: RunningEmulator) -> None:
    with _alone(folder / _STARTING):
        try:
            fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return  # somebody else still uses it, and will be the last
        note = folder / _TEMPORARY
        if note.exists() and note.read_text() == str(emulator.pid):
            note.unlink()
            stop(emulator)


@contextlib.contextmanager
def _alone(file: Path) -> Iterator[None]:
    """One command at a time starts or stops; the next one waits, as that takes a moment only."""
    lock = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _folder(state: Path) -> Path:
    folder = state / "client"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"the state folder {state} cannot be used ({error.strerror})", "choose another with --state"
        ) from error
    return folder
