"""A LocalStack by its address: whether one answers there, its version, and which services it has. Changes nothing."""

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
    """Signing names of the services it serves."""


def ask(address: str, seconds: float = _ASK_SECONDS) -> Health | None:
    """None when no LocalStack answers there."""
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


def configured(environment: Mapping[str, str] = os.environ) -> tuple[str, str]:
    """The address at which LocalStack is looked for, and the variable that says so ("" for the usual one)."""
    for variable in VARIABLES:
        given = environment.get(variable, "").strip().rstrip("/")
        if given:
            return _address(variable, given), variable
    return f"http://{DEFAULT}", ""


def _address(variable: str, given: str) -> str:
    address = given if "://" in given else f"http://{given}"
    try:
        where = urlsplit(address)
        port = where.port
    except ValueError:
        port, where = None, urlsplit("")
    if where.scheme not in ("http", "https") or not where.hostname or where.path not in ("", "/"):
        raise StateError(
            f"{variable}={given} is not the address of a LocalStack", "write HOST:PORT or http://HOST:PORT"
        )
    if port is None and "://" not in given:
        return f"{address}:{PORT}"
    return address
