"""The hosts that the emulator, as an offline program's proxy, refused: most clients do not name them in their error."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from harness.clients.emulator_process import RunningEmulator


class BlockedHosts:
    """The refused hosts in the emulator's log, since this object was made."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self._log = emulator.control.with_name("emulator.log")
        self._position = self._log.stat().st_size if self._log.exists() else 0

    def lines(self) -> list[str]:
        """Return one message for each host."""
        hosts = dict.fromkeys(host for line in self._new() if (host := _refused_host(line)))
        return [f"harness: refused to reach {host}: this run is offline." for host in hosts]

    def _new(self) -> list[bytes]:
        if not self._log.exists():
            return []
        with self._log.open("rb") as log:
            log.seek(self._position)
            return log.read().splitlines()


def _refused_host(line: bytes) -> str:
    """Return the host of a refused proxy request: only those name another host, and belong to no service."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    method, _, target = str(entry.get("operation", "")).partition(" ")
    if entry.get("status") != 403 or entry.get("service") != "":
        return ""
    return target if method == "CONNECT" else urlsplit(target).netloc
