"""``PathClaim``: a mark on the path of a state folder that outlives the folder itself.

The lock file goes when somebody removes the folder, and a second emulator would start on a new folder of the same name
while the first still answers. So an emulator also listens on an abstract unix socket (Linux; unix(7)) whose name is
made from the path. The system drops it with the process. Other users of the machine can take the name too, so a
listener of theirs does not count.
"""

from __future__ import annotations

import hashlib
import os
import socket
import struct
import sys
from pathlib import Path

_TIMEOUT = 1.0
_CREDENTIALS = "3i"
"""``struct ucred``: process, user and group."""


class PathClaim:
    """Listens from ``take`` to ``drop``."""

    def __init__(self, path: Path) -> None:
        digest = hashlib.sha256(os.fsencode(os.path.realpath(path))).hexdigest()
        self._name = f"\0harness-state-{digest}"
        self._listener: socket.socket | None = None

    def take(self) -> int | None:
        """Claim the path; return the process of the emulator of this user that has it already."""
        if not sys.platform.startswith("linux"):
            return None
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listener.bind(self._name)
            listener.listen(8)
        except OSError:
            listener.close()
            return self._find_holder()
        self._listener = listener
        return None

    def drop(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _find_holder(self) -> int | None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(_TIMEOUT)
            try:
                connection.connect(self._name)
                data = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(_CREDENTIALS))
            except OSError:  # it has just ended, or does not answer
                return None
        process, user, _ = struct.unpack(_CREDENTIALS, data)
        return int(process) if user == os.geteuid() else None
