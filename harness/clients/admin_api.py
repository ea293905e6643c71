"""Requests to the emulator's own endpoints, its private path: the clock, faults."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.stores.credentials import read_admin_token

TOKEN_FILE = "HARNESS_TOKEN_FILE"
"""The variable that names the file with the token of the admin interface; the token itself is in no variable."""


def ask_emulator(
    address: str,
    token_file: str | Path,
    asked: Mapping[str, Any] | None = None,
    method: str = "",
    timeout: float = 30.0,
) -> Any:
    """The answer's JSON; with something to tell it is a POST unless said otherwise. ``HTTPError`` for a refusal."""
    data = json.dumps(asked).encode() if asked else None
    token = read_admin_token(Path(token_file).parent) if token_file else ""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(address, data=data, headers=headers, method=method or None)
    # The user's own proxy settings do not apply to it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout) as response:
        return json.load(response)
