"""``pass_to_backend``: every service but SageMaker's is answered by the backing AWS services."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from harness.gateway.body import LARGEST_DOCUMENT, read_at_most
from harness.gateway.identify import service_of_form
from harness.gateway.request_context import RequestContext
from harness.kernel.errors import UnsupportedOperation
from harness.kernel.http import Response

_REFUSED = {
    "application-autoscaling": (
        "Endpoints keep the number of instances that they have; UpdateEndpointWeightsAndCapacities changes it."
    )
}
"""Services that a backend would accept and that nothing here would act upon: refused, with what to do instead."""


async def pass_to_backend(exchange: RequestContext) -> Response | None:
    if exchange.model is not None:
        return None
    if exchange.service == "query":
        await _look_into_form(exchange)
    if exchange.service in _REFUSED:
        operation = exchange.request.headers.get("X-Amz-Target", "").rpartition(".")[2]
        raise UnsupportedOperation(
            f"harness does not support {operation} ({exchange.service}) yet. {_REFUSED[exchange.service]}"
        )
    aws = exchange.site.components.aws
    if exchange.service not in aws.services():
        raise UnsupportedOperation(
            f"harness does not serve {exchange.service}; behind this address are SageMaker and "
            f"{', '.join(sorted(aws.services()))} (by {aws.name})."
        )
    exchange.site.calls[exchange.service, ""] += 1
    return await aws.handle(exchange.service, exchange.request, exchange.account, exchange.region)


async def _look_into_form(exchange: RequestContext) -> None:
    body = await read_at_most(exchange.request, LARGEST_DOCUMENT)
    exchange.service = service_of_form(body)

    async def again() -> AsyncIterator[bytes]:
        yield body

    exchange.request = replace(exchange.request, stream=again)
