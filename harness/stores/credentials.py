"""The two secrets of a state folder: the token of the admin interface and the secret that clients sign with.

Both lie in files that only their owner may read. Uses the standard library only: scenarios import it in their own
environments.
"""

from __future__ import annotations

import os
import secrets
import stat
from dataclasses import dataclass
from pathlib import Path

from harness.kernel.errors import StateError
from harness.kernel.files import write_private

ADMIN_TOKEN = "admin-token"
CLIENT_SECRET = "client-secret"


@dataclass(frozen=True)
class Credentials:
    admin_token: str
    client_secret: str
    """The secret access key that ``harness env`` gives to clients, whatever their access key."""


def issue_credentials(folder: Path, client_secret: str = "") -> Credentials:
    """The credentials of this state folder, made where they are missing.

    A ``client_secret`` replaces the one in the folder, so that commands read the one that is in force.
    """
    if client_secret and _read(folder / CLIENT_SECRET) != client_secret:
        write_private(folder / CLIENT_SECRET, client_secret.encode())
    return Credentials(_issued(folder / ADMIN_TOKEN), _issued(folder / CLIENT_SECRET))


def read_admin_token(folder: Path) -> str:
    """The token of the emulator on this folder; empty where there is none that this user may read."""
    return _read(folder / ADMIN_TOKEN)


def read_client_secret(folder: Path) -> str:
    """The secret of the emulator on this folder. ``StateError`` where this user may not read it."""
    secret = _read(folder / CLIENT_SECRET)
    if not secret:
        raise StateError(
            f"{folder / CLIENT_SECRET} cannot be read", f"start the emulator again, as the user of {folder}"
        )
    return secret


def _issued(file: Path) -> str:
    """What the file holds, or a new random value where it is missing or was open to other users."""
    return _read(file) if _is_private(file) and _read(file) else _created(file)


def _is_private(file: Path) -> bool:
    try:
        facts = file.lstat()
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid() and not stat.S_IMODE(facts.st_mode) & 0o077


def _created(file: Path) -> str:
    value = secrets.token_urlsafe(30)  # 40 characters, as AWS's own secrets have
    write_private(file, value.encode())
    return value


def _read(file: Path) -> str:
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        return opened.read(4096).strip()
