"""``inject_faults``: the link that makes calls fail or crawl on purpose, as ``PlannedFaults`` has it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import parse_qs

from harness.gateway.backend import pass_to_backend
from harness.gateway.body import LARGEST_DOCUMENT, read_at_most
from harness.gateway.error_responses import answer_error
from harness.gateway.fault_injection.plan import SLOW, Fault, PlannedCall
from harness.gateway.fault_injection.s3_names import s3_call
from harness.gateway.fault_injection.throttle import slowly_read, slowly_sent
from harness.gateway.request_context import RequestContext
from harness.kernel.errors import ApiError
from harness.kernel.http import Response

_FORM = "application/x-www-form-urlencoded"


class InjectedError(ApiError):
    """The error that an injected fault answers with."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.code, self.status = fault.code, fault.status


async def inject_faults(exchange: RequestContext) -> Response | None:
    faults = exchange.site.faults
    if not faults.concerns(exchange.service):
        return None
    taken = faults.take(await _call(exchange))
    if not taken:
        return None
    exchange.injected = ", ".join(fault.id for fault in taken)
    for fault in taken:
        if fault.kind != SLOW:
            return _fail(exchange, InjectedError(fault))
        await asyncio.sleep(fault.seconds)
    rates = [fault.bytes_per_second for fault in taken if fault.bytes_per_second]
    return await _crawling(exchange, min(rates)) if rates else None


def _fail(exchange: RequestContext, error: ApiError) -> Response:
    exchange.error = f"{error.code}: {error.message}"
    response = answer_error(exchange, error)
    # The body was not read, and is not sent by a client that waits for 100 Continue: nothing can follow here.
    response.headers["Connection"] = "close"
    return response


async def _crawling(exchange: RequestContext, rate: float) -> Response | None:
    exchange.request = slowly_read(exchange.request, rate)
    response = await pass_to_backend(exchange)
    return response if response is None or exchange.request.method == "HEAD" else slowly_sent(response, rate)


async def _call(exchange: RequestContext) -> PlannedCall:
    if exchange.model is not None:
        return PlannedCall(exchange.service, exchange.operation_name, exchange.account)
    if exchange.service == "s3":
        named = s3_call(exchange.request)
        return PlannedCall("s3", named.operation, exchange.account, named.bucket, named.key)
    _, _, operation = exchange.request.headers.get("X-Amz-Target", "").rpartition(".")
    if not operation and exchange.request.headers.get("Content-Type", "").startswith(_FORM):
        operation = await _action(exchange)
    return PlannedCall(exchange.service, operation, exchange.account)


async def _action(exchange: RequestContext) -> str:
    """The operation of a query service, from the form; whoever serves the request reads the form once more."""
    body = await read_at_most(exchange.request, LARGEST_DOCUMENT)

    async def again() -> AsyncIterator[bytes]:
        yield body

    exchange.request = replace(exchange.request, stream=again)
    return parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
