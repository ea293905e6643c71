"""``read_body``, ``parse``, ``validate``: from the bytes of a request to parameters that obey the model."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from harness.gateway.request_context import RequestContext
from harness.kernel.errors import ApiError, ValidationError
from harness.kernel.http import Request, Response
from harness.protocol import WireRequest
from harness.protocol import parse as parse_request
from harness.protocol import validate as validate_parameters

T = TypeVar("T")

_SMALL = 32 * 1024
"""Bytes that are parsed and checked in less time than a change of threads costs the others."""

LARGEST_DOCUMENT = 16 * 1024 * 1024
"""Requests of control planes are documents; this is far above what any of their quotas lets a caller say."""

LARGEST_INVOCATION = 6 * 1024 * 1024


class TooLarge(ApiError):
    code = "RequestEntityTooLargeException"
    status = 413


async def read_body(exchange: RequestContext) -> Response | None:
    if exchange.service == "sagemaker-runtime":
        try:
            exchange.body = await read_at_most(exchange.request, LARGEST_INVOCATION)
        except TooLarge as error:
            raise ValidationError(f"An invocation's body is limited to {LARGEST_INVOCATION} bytes: {error}") from error
    else:
        exchange.body = await read_at_most(exchange.request, LARGEST_DOCUMENT)
    return None


async def read_at_most(request: Request, limit: int) -> bytes:
    """The whole body; one that is announced or turns out longer is not read to its end."""
    announced = request.headers.get("Content-Length", "")
    if announced.isdigit() and int(announced) > limit:
        raise TooLarge(f"the request has {announced} bytes")
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > limit:
            raise TooLarge(f"the request has more than {limit} bytes")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def parse(exchange: RequestContext) -> Response | None:
    exchange.parameters = await _off_loop(exchange, lambda: parse_request(exchange.operation, _on_the_wire(exchange)))
    return None


async def validate(exchange: RequestContext) -> Response | None:
    await _off_loop(exchange, lambda: validate_parameters(exchange.operation, exchange.parameters))
    return None


def _on_the_wire(exchange: RequestContext) -> WireRequest:
    request = exchange.request
    query = request.query if "?" in request.target else {}
    return WireRequest(exchange.body, request.headers, query, exchange.values)


async def _off_loop(exchange: RequestContext, work: Callable[[], T]) -> T:
    """Do the work on a thread when the body is large, so that other clients are answered meanwhile."""
    if len(exchange.body) <= _SMALL:
        return work()
    return await asyncio.get_running_loop().run_in_executor(exchange.site.pool, work)
