"""Requests to the emulator's admin interface, with the token of its state folder."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
from typing import Any

from harness.scenario.run_document import EmulatorAccess
from harness.stores.credentials import ADMIN_TOKEN, read_admin_token


def admin_request(
    address: str, state: Path, name: str, document: Any = None, method: str | None = None
) -> urllib.request.Request:
    data = document if isinstance(document, bytes) else None if document is None else json.dumps(document).encode()
    headers = {"Authorization": f"Bearer {read_admin_token(state)}"}
    return urllib.request.Request(f"{address}/_harness/{name}", data, headers, method=method)


def ask_admin(address: str, state: Path, name: str, document: Any = None, method: str | None = None) -> Any:
    """The decoded answer; ``HTTPError`` for a refusal."""
    with urllib.request.urlopen(admin_request(address, state, name, document, method), timeout=60) as response:
        return json.loads(response.read())


def emulator_access(emulator: Any) -> EmulatorAccess:
    """What a scenario's session gets of an emulator that has ``address`` and ``state``."""
    return EmulatorAccess(f"{emulator.address}/_harness", str(emulator.state / ADMIN_TOKEN))
