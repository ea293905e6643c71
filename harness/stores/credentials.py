"""The two secrets of a state folder: the token of the admin API and the secret access key of clients.

Both are stored in files that only their owner may read. Uses the standard library only, because scenarios import it in
their own environments.
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
_LENGTH = 40
"""Characters, as in a secret access key of AWS."""


@dataclass(frozen=True)
class Credentials:
    admin_token: str
    client_secret: str
    """The secret access key that ``harness env`` gives to clients. It is the same for every access key."""


def issue_credentials(folder: Path, client_secret: str = "") -> Credentials:
    """Return the credentials of a state folder. Create the ones that are missing.

    A ``client_secret`` replaces the one in the folder, so that commands read the one that the emulator uses.
    """
    if client_secret and _read(folder / CLIENT_SECRET) != client_secret:
        write_private(folder / CLIENT_SECRET, client_secret.encode())
    return Credentials(_read_or_create(folder / ADMIN_TOKEN, _LENGTH), _read_or_create(folder / CLIENT_SECRET, 1))


def read_admin_token(folder: Path) -> str:
    """Return the admin token of a state folder; empty if there is none that this user may read."""
    return _read(folder / ADMIN_TOKEN)


def read_client_secret(folder: Path) -> str:
    """Return the client secret of a state folder. Raise ``StateError`` if this user cannot read it."""
    secret = _read(folder / CLIENT_SECRET)
    if not secret:
        raise StateError(
            f"{folder / CLIENT_SECRET} cannot be read", f"start the emulator again, as the user of {folder}"
        )
    return secret


def _read_or_create(file: Path, least: int) -> str:
    """Return the secret in the file. Create a new one if it is missing, damaged, or other users could read it.

    It is damaged if it has less than ``least`` characters: a part of the token would be guessed.
    """
    return _read(file) if _is_private(file) and len(_read(file)) >= least else _create(file)


def _is_private(file: Path) -> bool:
    try:
        facts = file.lstat()
    except OSError:
        return False
    return stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid() and not stat.S_IMODE(facts.st_mode) & 0o077


def _create(file: Path) -> str:
    value = secrets.token_urlsafe(_LENGTH * 3 // 4)
    write_private(file, value.encode())
    return value


def _read(file: Path) -> str:
    """Return the content of the file; empty if it cannot be read or holds what no header can carry."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    with os.fdopen(descriptor, encoding="ascii", errors="replace") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return ""
        text = stream.read(4096).strip()
    return text if text.isprintable() and "\N{REPLACEMENT CHARACTER}" not in text else ""
