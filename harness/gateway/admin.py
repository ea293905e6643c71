"""``answer_admin``: the emulator's own endpoints under ``/_harness/``, which no AWS service uses.

All but ``health`` need the token that lies in the state folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import hmac
import json
import math
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from itertools import islice
from typing import Any

from harness import __version__
from harness.engine.job_cache.lookup import REUSED
from harness.gateway.body import LARGEST_DOCUMENT, read_at_most
from harness.gateway.coverage import served_operations
from harness.gateway.fault_injection.admin import BadFault, add_fault, clear_faults, waiting_faults
from harness.gateway.request_context import Listener, RequestContext, json_response
from harness.kernel.clock import LAST_MOMENT, iso
from harness.kernel.errors import InternalFailure
from harness.kernel.http import Response, has_too_many_containers
from harness.kernel.kinds import KINDS
from harness.kernel.records import Record
from harness.stores.credentials import ADMIN_TOKEN
from harness.stores.records import RecordStore

PREFIX = "/_harness/"

_CLOCK_FORM = 'Say {"seconds": 3600} or {"to": <seconds since the epoch>}.'


class _Refused(Exception):
    """A request to an admin endpoint that makes no sense, or that failed; the text is for its sender."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


async def answer_admin(exchange: RequestContext) -> Response | None:
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
        return json_response({"message": str(refused)}, refused.status)


def _refusal(exchange: RequestContext) -> Response | None:
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


def _has_token(exchange: RequestContext) -> bool:
    scheme, _, token = exchange.request.headers.get("Authorization", "").partition(" ")
    known = exchange.site.credentials.admin_token
    return scheme.lower() == "bearer" and hmac.compare_digest(token.strip().encode(errors="replace"), known.encode())


async def _health(exchange: RequestContext) -> Mapping[str, Any]:
    return {"status": "ok", "version": __version__}


async def _status(exchange: RequestContext) -> Mapping[str, Any]:
    return {"status": "ok", **exchange.site.control.facts()}


async def _reset(exchange: RequestContext) -> Mapping[str, Any]:
    await exchange.site.control.reset()
    return {"status": "reset"}


async def _clock(exchange: RequestContext) -> Mapping[str, Any]:
    clock = exchange.site.components.clock
    return {"now": iso(clock.now()), "real": iso(clock.real()), "offset": round(clock.offset, 3)}


async def _advance(exchange: RequestContext) -> Mapping[str, Any]:
    document = await _document(exchange)
    if "seconds" not in document and "to" not in document:
        raise _Refused(_CLOCK_FORM)
    seconds, to = (_number(document[name]) if name in document else None for name in ("seconds", "to"))

    def target(now: float) -> float:
        """The moment to move to. Called when all moves before this one have ended."""
        moment = now + seconds if seconds is not None else to or 0.0
        if moment < now:
            raise _Refused(f"The clock only goes forward; it is at {iso(now)}.")
        if moment > LAST_MOMENT:
            raise _Refused(f"The clock cannot go past {iso(LAST_MOMENT)}; it is at {iso(now)}.")
        return moment

    try:
        ran = await exchange.site.control.advance(target)
    except InternalFailure as error:
        raise _Refused(error.message, 500) from error
    return {**await _clock(exchange), **ran}


def _number(value: Any) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        with contextlib.suppress(OverflowError):
            if math.isfinite(value):
                return float(value)
    raise _Refused(f"{json.dumps(value)[:100]} is no number of seconds. {_CLOCK_FORM}")


async def _coverage(exchange: RequestContext) -> Mapping[str, Any]:
    site = exchange.site
    services = served_operations(site.lookup)
    for service, facts in services.items():
        facts["calls"] = {name: count for (called, name), count in sorted(site.calls.items()) if called == service}
    faults = {"waiting": len(site.faults.waiting()), "injected": dict(sorted(site.faults.used.items()))}
    passed_on = {service: count for (service, name), count in sorted(site.calls.items()) if not name}
    backend = {"name": site.components.aws.name, "services": sorted(site.components.aws.services()), "calls": passed_on}
    return {"services": services, "backend": backend, "faults": faults}


async def _jobs(exchange: RequestContext) -> Mapping[str, Any]:
    """Everything that has a life cycle, oldest first; the newest ones only, when the request has a ``limit``."""
    text = exchange.request.query.get("limit", [""])[0]
    if text and not (text.isascii() and text.isdigit()):
        raise _Refused(f"limit is a number of jobs, not {text[:100]!r}.")
    limit = int(text[:9]) if text else None
    # Off the loop: there may be very many.
    read = partial(_read_jobs, exchange.site.components.records, limit)
    return {"jobs": await asyncio.get_running_loop().run_in_executor(exchange.site.pool, read)}


def _read_jobs(records: RecordStore, limit: int | None) -> list[Mapping[str, Any]]:
    scans = (records.scan(kind.type, newest_first=True) for kind in KINDS.values() if kind.lifecycle)
    newest_first = heapq.merge(*scans, key=lambda record: record.created, reverse=True)
    return [_job(record) for record in islice(newest_first, limit)][::-1]


def _job(record: Record) -> Mapping[str, Any]:
    return {
        "kind": record.kind,
        "name": record.name,
        "arn": record.arn,
        "account": record.key.account,
        "region": record.key.region,
        "status": record.state,
        "created": record.created,
        "modified": record.modified,
        "reason": record.status.get("FailureReason", ""),
        **({REUSED: record.inner[REUSED]} if REUSED in record.inner else {}),
    }


async def _faults(exchange: RequestContext) -> Mapping[str, Any]:
    return {"faults": waiting_faults(exchange.site)}


async def _add_fault(exchange: RequestContext) -> Mapping[str, Any]:
    try:
        return await add_fault(exchange.site, await _document(exchange))
    except BadFault as error:
        raise _Refused(str(error)) from None


async def _clear_faults(exchange: RequestContext) -> Mapping[str, Any]:
    named = exchange.request.headers.get("Content-Length", "0") != "0"
    clear_faults(exchange.site, await _document(exchange) if named else {})
    return await _faults(exchange)


async def _shut_down(exchange: RequestContext) -> Mapping[str, Any]:
    exchange.site.control.shut_down()
    return {"status": "stopping"}


async def _document(exchange: RequestContext) -> Mapping[str, Any]:
    body = await read_at_most(exchange.request, LARGEST_DOCUMENT)
    if has_too_many_containers(body):
        raise _Refused("The body holds too many objects and lists.")
    try:
        document = await asyncio.get_running_loop().run_in_executor(exchange.site.pool, json.loads, body)
    except RecursionError as error:
        raise _Refused("The body is nested too deeply.") from error
    except ValueError as error:
        raise _Refused(f"The body is not valid JSON: {error}") from error
    if not isinstance(document, dict):
        raise _Refused("The body is not a JSON object.")
    return document


_ENDPOINTS: Mapping[tuple[str, str], Callable[[RequestContext], Awaitable[Mapping[str, Any]]]] = {
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
