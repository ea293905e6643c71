"""The files and folders of a state folder, and whether its databases can be trusted before anything opens them.

A database that is missing, empty or damaged must stop the start: opened as if it were new, it would make the emulator
forget what the folder holds and remove the files of objects that no row names.
"""

from __future__ import annotations

import json
import logging
import os
import sqlite3
from pathlib import Path

from harness.kernel.errors import StateError
from harness.stores.folder import ANNOUNCEMENT, check_file
from harness.stores.write_ahead_log import read_problem

DATABASES = ("records.sqlite", "s3/objects.sqlite", "aws/services.sqlite")
CHECKED_WHEN_OPENED = ("aws/services.sqlite",)
"""Databases whose pages are checked by what opens them at the start."""
MANIFEST = "databases.json"
"""The databases that this folder has had. A file that is listed here and missing is lost, not new."""
STATE = (
    *(f"{name}{suffix}" for name in DATABASES for suffix in ("", "-wal", "-shm")),
    *("s3", "aws", "logs", "jobs", "runs", "kept", "client", MANIFEST),
)
"""What ``harness reset`` removes: files and folders of the emulator's state. Reports, history and keys stay."""
_SQLITE = b"SQLite format 3\0"
_FILES = ("emulator.log", "admin-token", "client-secret", MANIFEST, ANNOUNCEMENT)
_FOLDERS = ("s3", "s3/objects", "s3/incoming", "aws", "logs", "jobs", "runs", "kept", "client")

logger = logging.getLogger(__name__)


def check_layout(folder: Path) -> None:
    """Raise ``StateError`` if a file of the emulator is something else, or a folder of it is no folder."""
    for name in _FILES:
        check_file(folder / name)
    for name in _FOLDERS:
        if os.path.lexists(folder / name) and not (folder / name).is_dir():
            raise _refusal(folder / name, "is no folder")
    if (folder / "control.sock").is_dir():
        raise StateError(f"{folder / 'control.sock'} is a folder; move it away, or choose another one with --state")


def check_databases(folder: Path) -> None:
    """Raise ``StateError``, naming file and remedy, if a database of the folder is missing, empty or damaged."""
    known = _read_manifest(folder)
    if not known and (folder / DATABASES[0]).exists():
        known = [name for name in DATABASES if _has_data(folder, name)]
    for name in DATABASES:
        file = folder / name
        if file.is_dir():
            raise _refusal(file, "is a folder and not a database")
        if not file.exists():
            if name in known:
                raise _refusal(file, "is missing although this folder was used before")
            continue
        if file.stat().st_size == 0 and name in known:
            raise _refusal(file, "is empty although this folder was used before")
        if file.stat().st_size:
            _check_head(file)
            _check_log(file)
            if name not in CHECKED_WHEN_OPENED:
                _check_pages(file)


def note_databases(folder: Path) -> None:
    """Remember which databases the folder has now. Called once they are open."""
    present = sorted({*_read_manifest(folder), *(name for name in DATABASES if (folder / name).is_file())})
    if present == _read_manifest(folder):
        return
    draft = folder / f"{MANIFEST}.new"
    draft.write_text(json.dumps(present))
    draft.replace(folder / MANIFEST)


def _read_manifest(folder: Path) -> list[str]:
    try:
        names = json.loads((folder / MANIFEST).read_text())
    except (OSError, ValueError):
        return []
    return [name for name in names if name in DATABASES] if isinstance(names, list) else []


def _has_data(folder: Path, name: str) -> bool:
    """Whether a folder of an earlier version, which has no manifest, must have had this database."""
    if name.startswith("s3/"):
        return any(path.is_file() for path in (folder / "s3" / "objects").glob("*/*"))
    return (folder / name).exists()


def _check_head(file: Path) -> None:
    with file.open("rb") as stream:
        if stream.read(len(_SQLITE)) != _SQLITE:
            raise _refusal(file, "is not an SQLite database")


def _check_pages(file: Path) -> None:
    try:
        connection = sqlite3.connect(file)
        try:
            (answer,) = connection.execute("pragma quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if "full" in str(error) or "unable to open" in str(error):
            return  # what opens the file next says so, with its own remedy
        raise _refusal(file, f"is damaged ({error})") from error
    if answer != "ok":
        raise _refusal(file, f"is damaged ({answer})")


def _check_log(file: Path) -> None:
    """Look at the write-ahead log beside a database: SQLite drops what it cannot read of it without a word."""
    log = file.with_name(f"{file.name}-wal")
    if log.is_dir():
        raise _refusal(log, "is a folder")
    if not log.exists() or log.stat().st_size == 0:
        return
    problem = read_problem(log)
    if problem == "cut off":
        logger.warning("%s is cut off in the middle of a change: the last changes before that may be lost", log)
    elif problem:
        raise _refusal(log, "is damaged; it holds the last changes")


def _refusal(file: Path, problem: str) -> StateError:
    return StateError(
        f"{file} {problem}; put it back from a copy, choose another folder with --state, or forget the state of this "
        "folder with `harness reset`"
    )
