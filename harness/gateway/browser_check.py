"""``check_browser``: finds requests that another site's web page makes, which need a signature that verifies.

``contain_page`` makes stored pages another site's, too.

A browser marks them by Sec-Fetch-Site (https://www.w3.org/TR/fetch-metadata/) and, for all but plain reads, by Origin.
"""

from __future__ import annotations

from harness.gateway.cors import answer_preflight, is_preflight
from harness.gateway.request_context import RequestContext
from harness.kernel.addresses import HostPort, is_loopback, split_authority
from harness.kernel.http import Response

_OWN_SITES = ("same-origin", "none")
_SANDBOX = "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts"
_DEFAULT_PORTS = {"http": 80, "https": 443}


async def check_browser(exchange: RequestContext) -> Response | None:
    headers = exchange.request.headers
    if is_preflight(exchange.request):
        return await answer_preflight(exchange)
    sites = headers.getall("Sec-Fetch-Site", [])
    origins = headers.getall("Origin", [])
    exchange.origin = origins[0] if origins else ""
    exchange.cross_site = (
        any(site.strip().lower() not in _OWN_SITES for site in sites)
        or any(not _is_own_origin(origin, exchange.host) for origin in origins)
        or (not sites and _may_be_unmarked(exchange))
    )
    return None


def contain_page(exchange: RequestContext, response: Response) -> None:
    """Take the emulator's origin from a page that a browser shows: a job or a form may have stored it.

    With the origin its scripts could make any AWS call. Of an origin of their own they are another site's.
    """
    if _is_browser(exchange):
        response.headers["Content-Security-Policy"] = _SANDBOX


def _is_browser(exchange: RequestContext) -> bool:
    headers = exchange.request.headers
    return "Sec-Fetch-Mode" in headers or "Sec-Fetch-Site" in headers or exchange.user_agent.startswith("Mozilla/")


def _is_own_origin(origin: str, host: HostPort) -> bool:
    """``null``, and what is no origin at all, are never the emulator's own."""
    scheme, separator, authority = origin.strip().partition("://")
    if not separator or scheme not in _DEFAULT_PORTS:
        return False
    return split_authority(authority, _DEFAULT_PORTS[scheme]) == host


def _may_be_unmarked(exchange: RequestContext) -> bool:
    """Return whether it is a browser's request that would have no mark even if another site's page made it.

    Browsers send Sec-Fetch-Site to https and to loopback names only, and no Origin with a plain read.
    """
    return not is_loopback(exchange.host.name) and exchange.user_agent.startswith("Mozilla/")
