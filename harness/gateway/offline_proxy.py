"""The emulator as the proxy of offline programs: it names each host that it refuses and forwards nothing."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from harness.contract.package_access import refusal
from harness.gateway.request_context import Listener, RequestContext, json_response
from harness.kernel.addresses import is_loopback
from harness.kernel.http import Response


async def refuse_external_host(exchange: RequestContext) -> Response | None:
    request = exchange.request
    if request.target.startswith("/") or request.target == "*":
        return None
    if request.method == "CONNECT":
        return _refusal(exchange, request.target.rpartition(":")[0].strip("[]") or request.target)
    url = urlsplit(request.target)
    host = url.hostname or request.target
    if _is_here(exchange, host, url.port or 80):
        path = url.path or "/"
        exchange.request = replace(request, target=f"{path}?{url.query}" if url.query else path)
        return None
    return _refusal(exchange, host)


def _is_here(exchange: RequestContext, host: str, port: int) -> bool:
    return port in exchange.client.ports and (host == exchange.site.settings.host or is_loopback(host))


def _refusal(exchange: RequestContext, host: str) -> Response:
    if exchange.client.listener is Listener.JOBS:
        return _closing(refusal(host), refusal(host))
    way_out = (
        "Loopback is reached directly, not through this proxy: add it to NO_PROXY."
        if is_loopback(host)
        else f"If it may reach that host, add {host} to NO_PROXY in its environment."
    )
    message = f"harness refused a connection to {host}: this program runs offline. {way_out}"
    return _closing(message, f"harness refused {host}: offline")


def _closing(message: str, reason: str) -> Response:
    response = json_response({"__type": "ForeignHostRefused", "message": message}, 403)
    response.headers["Connection"] = "close"
    # All that a client shows of a refused CONNECT.
    return replace(response, reason=reason)
