"""Requests to the emulator's own endpoints below ``/_harness``: the clock, faults."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.stores.credentials import read_admin_token


def ask_emulator(
    address: str,
    token_file: str | Path,
    body: Mapping[str, Any] | None = None,
    method: str = "",
    timeout: float = 30.0,
) -> Any:
    """Return the answer's JSON; a request with a body is a POST by default. Raises ``HTTPError`` for a refusal."""
    data = json.dumps(body).encode() if body else None
    token = read_admin_token(Path(token_file).parent) if token_file else ""
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
    request = urllib.request.Request(address, data=data, headers=headers, method=method or None)
    # The user's own proxy settings do not apply to it.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=timeout) as response:
        return json.load(response)
