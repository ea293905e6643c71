"""``answer_admin``: the emulator's own endpoints under ``/_harness/``, which no AWS service uses.

All but ``health`` need the token that lies in the state folder.
"""

from __future__ import annotations

import hmac
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from harness import __version__
from harness.engine.lifecycle import LIFECYCLES, status_of
from harness.engine.reuse import REUSED
from harness.gateway.body import LARGEST_DOCUMENT, read_at_most
from harness.gateway.exchange import Exchange, Listener, json_response
from harness.gateway.fault_requests import BadFault, add_fault, clear_faults, waiting_faults
from harness.kernel.clock import iso
from harness.kernel.http import Response
from harness.protocol import service_model
from harness.stores.credentials import ADMIN_TOKEN

PREFIX = "/_harness/"
SERVED = ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime")


class _Refused(Exception):
    """A request to an admin endpoint that makes no sense; the text is for its sender."""


async def answer_admin(exchange: Exchange) -> Response | None:
    path = exchange.request.path
    if not path.startswith(PREFIX):
        return None
    exchange.service = "harness"
    refusal = _refusal(exchange)
    if refusal is not None:
        return refusal
    method = "GET" if exchange.request.method == "HEAD" else exchange.request.method
    answer = _ENDPOINTS.get((method, path[len(PREFIX) :]))
    if answer is None:
        known = ", ".join(f"{method} {PREFIX}{name}" for method, name in _ENDPOINTS)
        return json_response({"message": f"There is no {exchange.request.method} {path}; there are: {known}"}, 404)
    try:
        return json_response(await answer(exchange))
    except _Refused as refused:
        return json_response({"message": str(refused)}, 400)


def _refusal(exchange: Exchange) -> Response | None:
    if exchange.client.listener is Listener.JOBS:
        return json_response({"message": f"Jobs and model servers may not use {PREFIX}."}, 403)
    if exchange.cross_site:
        return json_response({"message": f"Web pages of other sites may not use {PREFIX}."}, 403)
    if exchange.request.path == f"{PREFIX}health" or _has_token(exchange):
        return None
    message = (
        f"{PREFIX} needs the header 'Authorization: Bearer TOKEN' with the token in {ADMIN_TOKEN} of the state folder."
    )
    response = json_response({"message": message}, 401)
    response.headers["WWW-Authenticate"] = "Bearer"
    return response


def _has_token(exchange: Exchange) -> bool:
    scheme, _, token = exchange.request.headers.get("Authorization", "").partition(" ")
    known = exchange.site.credentials.admin_token
    return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(errors="replace"), known.encode())


async def _health(exchange: Exchange) -> Mapping[str, Any]:
    return {"status": "ok", "version": __version__}


async def _status(exchange: Exchange) -> Mapping[str, Any]:
    return {"status": "ok", **exchange.site.control.facts()}


async def _reset(exchange: Exchange) -> Mapping[str, Any]:
    await exchange.site.control.reset()
    return {"status": "reset"}


async def _clock(exchange: Exchange) -> Mapping[str, Any]:
    clock = exchange.site.clock
    return {"now": iso(clock.now()), "real": iso(clock.real()), "offset": round(clock.offset, 3)}


async def _advance(exchange: Exchange) -> Mapping[str, Any]:
    asked = await _document(exchange)
    clock = exchange.site.clock
    if isinstance(asked.get("seconds"), (int, float)):
        seconds = float(asked["seconds"])
    elif isinstance(asked.get("to"), (int, float)):
        seconds = float(asked["to"]) - clock.now()
    else:
        raise _Refused('Say {"seconds": 3600} or {"to": <seconds since the epoch>}.')
    if not math.isfinite(seconds) or seconds < 0:
        raise _Refused(f"The clock only goes forward; it is at {iso(clock.now())}.")
    ran = await exchange.site.control.advance(seconds)
    return {**await _clock(exchange), **ran}


async def _coverage(exchange: Exchange) -> Mapping[str, Any]:
    site = exchange.site
    services = {}
    for service in SERVED:
        names = service_model(service).operation_names
        services[service] = {
            "modelled": len(names),
            "supported": [name for name in names if site.lookup(service, name) is not None],
            "calls": {name: count for (called, name), count in sorted(site.calls.items()) if called == service},
        }
    faults = {"waiting": len(site.faults.waiting()), "injected": dict(sorted(site.faults.used.items()))}
    passed_on = {service: count for (service, name), count in sorted(site.calls.items()) if not name}
    return {"services": services, "backend": {"name": site.aws.name, "calls": passed_on}, "faults": faults}


async def _jobs(exchange: Exchange) -> Mapping[str, Any]:
    """Everything that has a life cycle, oldest first: what ``harness status`` lists."""
    found = [record for kind in LIFECYCLES for record in exchange.site.records.scan(kind)]
    found.sort(key=lambda record: record.created)
    return {
        "jobs": [
            {
                "kind": record.kind,
                "name": record.name,
                "account": record.key.account,
                "region": record.key.region,
                "status": status_of(record),
                "created": record.created,
                "modified": record.modified,
                "reason": record.status.get("FailureReason", ""),
                **({REUSED: record.inner[REUSED]} if REUSED in record.inner else {}),
            }
            for record in found
        ]
    }


async def _faults(exchange: Exchange) -> Mapping[str, Any]:
    return {"faults": waiting_faults(exchange.site)}


async def _add_fault(exchange: Exchange) -> Mapping[str, Any]:
    try:
        return await add_fault(exchange.site, await _document(exchange))
    except BadFault as error:
        raise _Refused(str(error)) from None


async def _clear_faults(exchange: Exchange) -> Mapping[str, Any]:
    named = exchange.request.headers.get("Content-Length", "0") != "0"
    clear_faults(exchange.site, await _document(exchange) if named else {})
    return await _faults(exchange)


async def _shut_down(exchange: Exchange) -> Mapping[str, Any]:
    exchange.site.control.shut_down()
    return {"status": "stopping"}


async def _document(exchange: Exchange) -> Mapping[str, Any]:
    try:
        document = json.loads(await read_at_most(exchange.request, LARGEST_DOCUMENT))
    except ValueError as error:
        raise _Refused(f"The body is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise _Refused("The body is not a JSON object.")
    return document


_ENDPOINTS: Mapping[tuple[str, str], Callable[[Exchange], Awaitable[Mapping[str, Any]]]] = {
    ("GET", "health"): _health,
    ("GET", "status"): _status,
    ("GET", "jobs"): _jobs,
    ("GET", "coverage"): _coverage,
    ("GET", "clock"): _clock,
    ("POST", "clock"): _advance,
    ("POST", "reset"): _reset,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "shutdown"): _shut_down,
}
