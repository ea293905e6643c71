"""The path of a request as one readable list. A link that returns a response ends the chain."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable

from harness.gateway.admin import answer_admin
from harness.gateway.authentication import authenticate
from harness.gateway.backend import pass_to_backend
from harness.gateway.body import parse, read_body, validate
from harness.gateway.browser_check import check_browser, contain_page
from harness.gateway.cors import set_cors_headers
from harness.gateway.dispatch import dispatch, refuse_unsupported, serialise
from harness.gateway.error_responses import answer_error
from harness.gateway.fault_injection.link import inject_faults
from harness.gateway.host_check import check_host, find_bucket_in_host
from harness.gateway.identify import identify
from harness.gateway.long_poll import wait_for_change
from harness.gateway.offline_proxy import refuse_external_host
from harness.gateway.package_index import serve_packages
from harness.gateway.peer_check import refuse_other_users
from harness.gateway.request_context import Client, ClientGone, GatewayDependencies, RequestContext
from harness.gateway.state_check import check_state_folder
from harness.kernel.errors import ApiError, InternalFailure
from harness.kernel.http import Request, Response

Link = Callable[[RequestContext], Awaitable[Response | None]]

CHAIN: tuple[Link, ...] = (
    refuse_other_users,
    refuse_external_host,
    check_host,
    check_browser,
    serve_packages,
    answer_admin,
    identify,
    find_bucket_in_host,
    authenticate,
    check_state_folder,
    inject_faults,
    pass_to_backend,
    refuse_unsupported,
    read_body,
    parse,
    validate,
    wait_for_change,
    dispatch,
    serialise,
)


class Gateway:
    """Runs the chain, turns whatever is raised into an answer (once, here), and writes the log line."""

    def __init__(self, site: GatewayDependencies) -> None:
        self.site = site

    async def handle(self, request: Request, client: Client) -> Response:
        exchange = RequestContext(site=self.site, request=request, client=client, id=str(uuid.uuid4()))
        try:
            response = await self._run(exchange)
            await self._set_cors_headers(exchange, response)
        except ClientGone:
            self.site.journal.write(exchange, 499, time.perf_counter() - exchange.received)
            raise
        contain_page(exchange, response)
        response.headers.setdefault("x-amzn-RequestId", exchange.id)
        self.site.journal.write(exchange, response.status, time.perf_counter() - exchange.received)
        return response

    async def _set_cors_headers(self, exchange: RequestContext, response: Response) -> None:
        """A page of another origin that is not named may not read the answer, so nothing is lost by a failure here."""
        try:
            await set_cors_headers(exchange, response)
        except Exception as error:
            self.site.journal.defect(exchange, error)

    async def _run(self, exchange: RequestContext) -> Response:
        try:
            for link in CHAIN:
                response = await link(exchange)
                if response is not None:
                    return response
            raise AssertionError("the chain ended without an answer")
        except ApiError as error:
            exchange.error = f"{error.code}: {error.message}"
            return answer_error(exchange, error)
        except ClientGone:
            raise
        except Exception as error:
            self.site.journal.defect(exchange, error)
            exchange.error = f"InternalFailure: {type(error).__name__}"
            return answer_error(
                exchange,
                InternalFailure(
                    f"harness failed on this request ({type(error).__name__}); "
                    f"see request {exchange.id} in {self.site.journal.path.name} of the state folder"
                ),
            )
