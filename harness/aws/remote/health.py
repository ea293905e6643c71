"""Reads the health of a LocalStack: whether one answers at an address, its version and its services."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from harness.kernel.errors import StateError

HEALTH = "/_localstack/health"
PORT = 4566
DEFAULT = f"127.0.0.1:{PORT}"
VARIABLES = ("LOCALSTACK_ENDPOINT", "LOCALSTACK_HOST")
_ASK_SECONDS = 5.0
_USABLE = frozenset({"available", "running", "starting", "initialized"})

# What LocalStack calls a service -> the name its requests are signed for, where the two differ.
_SIGNED_AS = {
    "cloudwatch": "monitoring",
    "dynamodbstreams": "dynamodb",
    "opensearch": "es",
    "resourcegroupstaggingapi": "tagging",
    "s3control": "s3",
    "stepfunctions": "states",
}


@dataclass(frozen=True)
class Health:
    version: str
    edition: str
    services: frozenset[str]
    """The signing names of its services."""


def ask(address: str, seconds: float = _ASK_SECONDS) -> Health | None:
    """Return the health of the LocalStack at an address; None if none answers there."""
    import http.client

    where = urlsplit(address)
    secure = where.scheme == "https"
    kind = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = kind(where.hostname or "127.0.0.1", where.port or (443 if secure else 80), timeout=seconds)
    try:
        connection.request("GET", HEALTH)
        answer = connection.getresponse()
        document = json.loads(answer.read(1_000_000)) if answer.status == 200 else None
    except (OSError, ValueError, http.client.HTTPException):
        return None
    finally:
        connection.close()
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(services, dict):
        return None
    names = frozenset(_SIGNED_AS.get(str(name), str(name)) for name, state in services.items() if state in _USABLE)
    return Health(str(document.get("version", "")), str(document.get("edition", "")), names)


def read_configured_address(environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """Return the address of LocalStack, and the variable that sets it ("" for the default address)."""
    for variable in VARIABLES:
        text = environment.get(variable, "").strip().rstrip("/")
        if text:
            return _address(variable, text), variable
    return f"http://{DEFAULT}", ""


def _address(variable: str, text: str) -> str:
    address = text if "://" in text else f"http://{text}"
    try:
        where = urlsplit(address)
        port = where.port
    except ValueError:
        port, where = None, urlsplit("")
    if where.scheme not in ("http", "https") or not where.hostname or where.path not in ("", "/"):
        raise StateError(f"{variable}={text} is not the address of a LocalStack", "write HOST:PORT or http://HOST:PORT")
    if port is None and "://" not in text:
        return f"{address}:{PORT}"
    return address
