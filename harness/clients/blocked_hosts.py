"""The hosts that the emulator refused as an offline program's proxy: most clients do not name them in their error."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from harness.clients.emulator_process import RunningEmulator


class Refusals:
    """What the emulator's log says of the time since this was made."""

    def __init__(self, emulator: RunningEmulator) -> None:
        self._log = emulator.control.with_name("emulator.log")
        self._position = self._log.stat().st_size if self._log.exists() else 0

    def told(self) -> list[str]:
        """One line for each host."""
        hosts = dict.fromkeys(host for line in self._new() if (host := _refused_host(line)))
        return [f"harness: refused to reach {host}: this run is offline." for host in hosts]

    def _new(self) -> list[bytes]:
        if not self._log.exists():
            return []
        with self._log.open("rb") as log:
            log.seek(self._position)
            return log.read().splitlines()


def _refused_host(line: bytes) -> str:
    """Only requests to a proxy name another host, and only those are of no service."""
    try:
        entry = json.loads(line)
    except ValueError:
        return ""
    method, _, target = str(entry.get("operation", "")).partition(" ")
    if entry.get("status") != 403 or entry.get("service") != "":
        return ""
    return target if method == "CONNECT" else urlsplit(target).netloc
