"""``refuse_unsupported``, ``dispatch``, ``serialise``: the function that serves the operation, called, and its answer.

``call`` is the same without HTTP: the port through which composite jobs start other jobs.
"""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from multidict import CIMultiDict

from harness.gateway.request_context import GatewayDependencies, RequestContext
from harness.kernel.errors import UnsupportedOperation
from harness.kernel.http import Response
from harness.protocol import OperationModel, service_model, validate
from harness.protocol import serialise as serialise_answer
from harness.services.scope import Operation, Scope


async def refuse_unsupported(exchange: RequestContext) -> Response | None:
    # 501 is not retried by any of botocore's retry modes, so an honest refusal costs the client no time.
    exchange.function = _function(exchange.site, exchange.operation)
    exchange.site.calls[exchange.service, exchange.operation.name] += 1
    return None


async def dispatch(exchange: RequestContext) -> Response | None:
    caller = {"user_agent": exchange.user_agent, "access_key": exchange.access_key}
    scope = _scope(exchange.site, exchange.account, exchange.region, exchange.id, caller, exchange.received)
    function = exchange.function
    if _is_coroutine(function):
        exchange.answer = await function(scope, exchange.parameters)
    else:
        loop = asyncio.get_running_loop()
        exchange.answer = await loop.run_in_executor(exchange.site.pool, function, scope, exchange.parameters)
    return None


async def serialise(exchange: RequestContext) -> Response | None:
    wire = serialise_answer(exchange.operation, exchange.answer)
    return Response(wire.status, CIMultiDict(wire.headers), wire.body)


def call(
    site: GatewayDependencies, service: str, name: str, request: Mapping[str, Any], account: str, region: str
) -> dict[str, Any]:
    """One operation called from inside: validated and served exactly as a client's. For threads, not for the loop."""
    operation = service_model(service).operation(name)
    if operation is None:
        raise UnsupportedOperation(f"{service} has no operation {name}.")
    function = _function(site, operation)
    validate(operation, request)
    caller = {"user_agent": "harness", "access_key": ""}
    scope = _scope(site, account, region, str(uuid.uuid4()), caller, time.perf_counter())
    site.calls[service, name] += 1
    answer: dict[str, Any] = function(scope, dict(request)) or {}
    return answer


def _function(site: GatewayDependencies, operation: OperationModel) -> Operation:
    function = site.lookup(operation.service.name, operation.name)
    if function is None:
        raise UnsupportedOperation(
            f"harness does not support {operation.name} ({operation.service.title}) yet. "
            "What it supports is listed at /_harness/coverage."
        )
    return function


@cache
def _is_coroutine(function: Operation) -> bool:
    return inspect.iscoroutinefunction(function)


def _scope(
    site: GatewayDependencies, account: str, region: str, request_id: str, caller: Mapping[str, str], received: float
) -> Scope:
    return Scope(
        account=account,
        region=region,
        request_id=request_id,
        caller=caller,
        components=site.components,
        engine=site.engine,
        received=received,
    )
