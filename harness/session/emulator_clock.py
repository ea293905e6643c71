"""The emulator's clock from outside: what it shows, and moving it forward."""

from __future__ import annotations

import json
import time
import urllib.request
from typing import Any


class EmulatorClock:
    def __init__(self, address: str) -> None:
        self._address = address
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

    def _ask(self, asked: dict[str, float] | None) -> dict[str, Any]:
        data = None if asked is None else json.dumps(asked).encode()
        request = urllib.request.Request(self._address, data=data, headers={"Content-Type": "application/json"})
        # The user's own proxy settings do not apply to it.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=3600) as response:
            answer: dict[str, Any] = json.load(response)
        return answer
