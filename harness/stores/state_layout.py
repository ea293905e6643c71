"""The files and folders of a state folder, and the checks of its databases before they are opened.

A missing, empty or damaged database must stop the start. If it were opened as a new one, the emulator would have lost
its state and would delete the files of objects that no row names.
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
"""Databases whose pages are checked by the code that opens them at the start."""
MANIFEST = "databases.json"
"""The file that lists the databases of this folder. A listed database that is missing was lost."""
STATE = (
    *(f"{name}{suffix}" for name in DATABASES for suffix in ("", "-wal", "-shm")),
    *("s3", "aws", "logs", "jobs", "runs", "kept", "client", MANIFEST),
)
"""The files and folders of the emulator's state, which ``harness reset`` removes. Reports, history and keys stay."""
_SQLITE = b"SQLite format 3\0"
_FILES = ("emulator.log", "admin-token", "client-secret", MANIFEST, ANNOUNCEMENT)
_FOLDERS = ("s3", "s3/objects", "s3/incoming", "aws", "logs", "jobs", "runs", "kept", "client")

logger = logging.getLogger(__name__)


def check_layout(folder: Path) -> None:
    """Raise ``StateError`` if a file of the emulator is something else, or a folder of it is no folder, or a link.

    The emulator deletes what it does not know in some of its folders: behind a link that would be others' files.
    """
    for name in _FILES:
        check_file(folder / name)
    for name in _FOLDERS:
        if (folder / name).is_symlink():
            raise _state_error(folder / name, f"is a link, to {(folder / name).readlink()}")
        if os.path.lexists(folder / name) and not (folder / name).is_dir():
            raise _state_error(folder / name, "is no folder")
    _refuse_linked_files(folder)
    if (folder / "control.sock").is_dir():
        raise StateError(f"{folder / 'control.sock'} is a folder; move it away, or choose another one with --state")


def _refuse_linked_files(folder: Path) -> None:
    """Raise ``StateError`` for a link in place of a database or of anything among the logs, which are written to."""
    found = [folder / name for name in DATABASES if (folder / name).is_symlink()]
    for parent, folders, files in os.walk(folder / "logs"):
        found += [Path(parent, name) for name in (*folders, *files) if Path(parent, name).is_symlink()]
    if found:
        raise _state_error(found[0], f"is a link, to {found[0].readlink()}")


def check_databases(folder: Path) -> None:
    """Raise ``StateError``, naming file and remedy, if a database of the folder is missing, empty or damaged."""
    known = _read_manifest(folder)
    if not known and (folder / DATABASES[0]).exists():
        known = [name for name in DATABASES if _has_data(folder, name)]
    for name in DATABASES:
        file = folder / name
        if file.is_dir():
            raise _state_error(file, "is a folder and not a database")
        if not file.exists():
            if name in known:
                raise _state_error(file, "is missing although this folder was used before")
            continue
        if file.stat().st_size == 0 and name in known:
            raise _state_error(file, "is empty although this folder was used before")
        if file.stat().st_size:
            _check_head(file)
            _check_log(file)
            if name not in CHECKED_WHEN_OPENED:
                _check_pages(file)


def record_databases(folder: Path) -> None:
    """Write which databases the folder has. Called when they are open."""
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
    """Return True if a folder of an earlier version, without a manifest, must have had this database."""
    if name.startswith("s3/"):
        return any(path.is_file() for path in (folder / "s3" / "objects").glob("*/*"))
    return (folder / name).exists()


def _check_head(file: Path) -> None:
    with file.open("rb") as stream:
        if stream.read(len(_SQLITE)) != _SQLITE:
            raise _state_error(file, "is not an SQLite database")


def _check_pages(file: Path) -> None:
    try:
        connection = sqlite3.connect(file)
        try:
            (answer,) = connection.execute("pragma quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        if "full" in str(error) or "unable to open" in str(error):
            return  # reported with its own remedy by the code that opens the file next
        raise _state_error(file, f"is damaged ({error})") from error
    if answer != "ok":
        raise _state_error(file, f"is damaged ({answer})")


def _check_log(file: Path) -> None:
    """Check the write-ahead log of a database, because SQLite silently ignores what it cannot read of it."""
    log = file.with_name(f"{file.name}-wal")
    if log.is_dir():
        raise _state_error(log, "is a folder")
    if not log.exists() or log.stat().st_size == 0:
        return
    problem = read_problem(log)
    if problem == "cut off":
        logger.warning("%s is cut off in the middle of a change: the last changes before that may be lost", log)
    elif problem:
        raise _state_error(log, "is damaged; it holds the last changes")


def _state_error(file: Path, problem: str) -> StateError:
    return StateError(
        f"{file} {problem}",
        "restore it from a copy, choose another folder with --state, or delete the state of this "
        "folder with `harness reset`",
    )
