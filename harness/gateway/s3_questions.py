"""``ask_s3``: reads of a bucket's own settings, which the gateway needs to decide about another request."""

from __future__ import annotations

from collections.abc import AsyncIterator

from multidict import CIMultiDict, CIMultiDictProxy

from harness.gateway.request_context import RequestContext
from harness.kernel.http import FileBody, Request, Response

_SIGNED = (
    "AWS4-HMAC-SHA256 Credential={account}/20260101/{region}/s3/aws4_request, SignedHeaders=host, Signature={zeros}"
)
"""Backends look at the account of the credential, never at the signature."""


async def ask_s3(exchange: RequestContext, target: str) -> bytes | None:
    """The body of the backend's answer to a GET of ``target`` (path style); None where it is an error."""
    site = exchange.site
    account, region = exchange.account or site.settings.account, exchange.region or site.settings.region
    authorization = _SIGNED.format(account=account, region=region, zeros="0" * 64)
    headers = CIMultiDict({"Host": f"s3.{region}.amazonaws.com", "Authorization": authorization})
    request = Request("GET", target, CIMultiDictProxy(headers), _nothing)
    response = await site.components.aws.handle("s3", request, account, region)
    return await _whole(response) if response.status == 200 else None


async def _nothing() -> AsyncIterator[bytes]:
    yield b""


async def _whole(response: Response) -> bytes:
    if isinstance(response.body, bytes):
        return response.body
    assert not isinstance(response.body, FileBody), "settings of a bucket are no objects"
    return b"".join([chunk async for chunk in response.body])
