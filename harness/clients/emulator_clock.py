"""The emulator's clock from outside: what it shows, and moving it forward."""

from __future__ import annotations

import time
from typing import Any

from harness.clients.admin_api import ask_emulator


class EmulatorClock:
    def __init__(self, address: str, token_file: str) -> None:
        self._address = address
        self._token_file = token_file
        self._offset: float | None = None

    def now(self) -> float:
        if self._offset is None:
            self._offset = float(self._ask(None)["offset"])
        return time.time() + self._offset

    def advance(self, seconds: float) -> None:
        """Returns when everything that became due is finished."""
        self._offset = float(self._ask({"seconds": seconds})["offset"])

    def advance_to(self, moment: float) -> None:
        """A moment already passed changes nothing."""
        if (ahead := moment - self.now()) > 0:
            self.advance(ahead)

    def _ask(self, body: dict[str, float] | None) -> dict[str, Any]:
        answer: dict[str, Any] = ask_emulator(self._address, self._token_file, body, timeout=3600)
        return answer
