"""``answer_admin``: the emulator's own endpoints under ``/_harness/``, which no AWS service uses.

All but ``health`` need the token that lies in the state folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from harness import __version__
from harness.engine.lifecycle import LIFECYCLES, status_of
from harness.engine.reuse import REUSED
from harness.gateway.body import LARGEST_DOCUMENT, read_at_most
from harness.gateway.coverage import served_operations
from harness.gateway.exchange import Exchange, Listener, json_response
from harness.gateway.fault_requests import BadFault, add_fault, clear_faults, waiting_faults
from harness.kernel.clock import iso
from harness.kernel.http import Response
from harness.stores.credentials import ADMIN_TOKEN

PREFIX = "/_harness/"

_CLOCK_FORM = 'Say {"seconds": 3600} or {"to": <seconds since the epoch>}.'
_LAST_MOMENT = 4102444800.0  # the year 2100: schedules and dates of every library still work there


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
    if "seconds" in asked:
        seconds = _number(asked["seconds"])
    elif "to" in asked:
        seconds = _number(asked["to"]) - clock.now()
    else:
        raise _Refused(_CLOCK_FORM)
    if seconds < 0:
        raise _Refused(f"The clock only goes forward; it is at {iso(clock.now())}.")
    if clock.now() + seconds > _LAST_MOMENT:
        raise _Refused(f"The clock cannot go past {iso(_LAST_MOMENT)}; it is at {iso(clock.now())}.")
    ran = await exchange.site.control.advance(seconds)
    return {**await _clock(exchange), **ran}


def _number(given: Any) -> float:
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        with contextlib.suppress(OverflowError):
            if math.isfinite(given):
                return float(given)
    raise _Refused(f"{json.dumps(given)[:100]} is no number of seconds. {_CLOCK_FORM}")


async def _coverage(exchange: Exchange) -> Mapping[str, Any]:
    site = exchange.site
    services = served_operations(site.lookup)
    for service, facts in services.items():
        facts["calls"] = {name: count for (called, name), count in sorted(site.calls.items()) if called == service}
    faults = {"waiting": len(site.faults.waiting()), "injected": dict(sorted(site.faults.used.items()))}
    passed_on = {service: count for (service, name), count in sorted(site.calls.items()) if not name}
    backend = {"name": site.aws.name, "services": sorted(site.aws.services()), "calls": passed_on}
    return {"services": services, "backend": backend, "faults": faults}


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
    body = await read_at_most(exchange.request, LARGEST_DOCUMENT)
    try:
        document = await asyncio.get_running_loop().run_in_executor(exchange.site.pool, json.loads, body)
    except RecursionError as error:
        raise _Refused("The body is nested too deeply.") from error
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
