"""Requests to the emulator's own endpoints, its private path: the clock, faults."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from typing import Any


def ask_emulator(address: str, asked: Mapping[str, Any] | None = None, method: str = "", timeout: float = 30.0) -> Any:
    """The answer's JSON; with something to tell it is a POST unless said otherwise. ``HTTPError`` for a refusal."""
    data = json.dumps(asked).encode() if asked else None
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(address, data=data, headers=headers, method=method or None)
    # The user's own proxy settings do not apply to it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout) as response:
        return json.load(response)
