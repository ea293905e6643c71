"""``authenticate``: every AWS call says who makes it; where that is not enough, its signature must verify.

Programs on loopback may sign with any key and secret. A request that a browser marks as another site's, and every
request to an emulator that listens on other addresses, needs a signature made with a secret that the emulator issued.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from urllib.parse import parse_qs

from multidict import CIMultiDict, CIMultiDictProxy

from harness.gateway.body import LARGEST_DOCUMENT, read_at_most
from harness.gateway.fault_injection.s3_names import bucket_in_host, s3_call
from harness.gateway.identify import service_of_form
from harness.gateway.public_reads import is_public_read
from harness.gateway.request_context import Listener, RequestContext
from harness.gateway.s3_forms import check_policy, form_boundary, read_form
from harness.gateway.signatures import (
    UNSIGNED_PAYLOAD,
    InvalidSignature,
    Signature,
    form_signature,
    read_signature,
    verify_policy,
    verify_request,
)
from harness.kernel.addresses import is_loopback
from harness.kernel.errors import ApiError
from harness.kernel.http import Request, Response

_FORM = "application/x-www-form-urlencoded"
_SCHEMES = ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "AWS")
_PRESIGNED = ({"x-amz-credential", "x-amz-signature"}, {"awsaccesskeyid", "signature"})
_REMEDY = "Sign it with the access key and the secret that `harness env` prints."


class AccessDenied(ApiError):
    code = "AccessDenied"
    status = 403


class MissingAuthenticationToken(ApiError):
    code = "MissingAuthenticationToken"
    status = 403


class SignatureDoesNotMatch(ApiError):
    code = "SignatureDoesNotMatch"
    status = 403


class ContentDoesNotMatch(ApiError):
    code = "XAmzContentSHA256Mismatch"
    status = 400


async def authenticate(exchange: RequestContext) -> Response | None:
    reachable = not is_loopback(exchange.site.settings.host) and exchange.client.listener is Listener.ALL
    if exchange.cross_site or reachable:
        await _verify(exchange)
    elif not _is_signed(exchange.request) and not await _needs_no_signature(exchange):
        if exchange.service == "s3":
            raise AccessDenied(f"Access Denied: the request is not signed, and it reads no public object. {_REMEDY}")
        raise MissingAuthenticationToken(f"The request has no Authorization header and is not presigned. {_REMEDY}")
    _drop_origin(exchange)
    return None


def _is_signed(request: Request) -> bool:
    if request.headers.get("Authorization", "").partition(" ")[0] in _SCHEMES:
        return True
    if "?" not in request.target:
        return False
    names = {name.lower() for name in request.query}
    return any(needed <= names for needed in _PRESIGNED)


async def _needs_no_signature(exchange: RequestContext) -> bool:
    if exchange.service == "s3" and form_boundary(exchange.request):
        try:
            form, exchange.request = await read_form(exchange.request)
            return "policy" in form.fields and form_signature(form.fields) is not None
        except InvalidSignature as error:
            raise AccessDenied(
                f"Access Denied: the request is not signed, and it is no form: {error}. {_REMEDY}"
            ) from None
    return await _assumes_role_with_web_identity(exchange) or await is_public_read(exchange)


async def _assumes_role_with_web_identity(exchange: RequestContext) -> bool:
    """STS takes this operation from anybody: the web identity's own token is what it checks."""
    if exchange.service not in ("query", "sts"):
        return False
    body = b""
    if exchange.request.headers.get("Content-Type", "").startswith(_FORM):
        body = await _keep_body(exchange)
    named = parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)
    for name, values in exchange.request.query.items():
        named[name] = [*named.get(name, []), *values]
    once = len(named.get("Action", [])) == len(named.get("Version", [])) == 1
    if not once or named["Action"] != ["AssumeRoleWithWebIdentity"]:
        return False
    return service_of_form(f"Version={named['Version'][0]}".encode()) == "sts"


async def _verify(exchange: RequestContext) -> None:
    try:
        if exchange.service == "s3" and form_boundary(exchange.request) and not _is_signed(exchange.request):
            await _verify_form(exchange)
        else:
            await _verify_signature(exchange)
    except (InvalidSignature, UnicodeError) as error:
        reason = (
            "a web page of another site made this request"
            if exchange.cross_site
            else f"the emulator listens on {exchange.site.settings.host}, where other machines may reach it"
        )
        raise SignatureDoesNotMatch(f"harness refused the request, since {reason} and {error}. {_REMEDY}") from None


async def _verify_signature(exchange: RequestContext) -> None:
    signed = exchange.hosted or exchange.request
    signature = read_signature(signed)
    if signature is None:
        raise InvalidSignature("it is not signed")
    secret = await _secret_of(exchange, signature)
    in_host = exchange.hosted is not None or bool(bucket_in_host(signed))
    bucket = s3_call(exchange.request).bucket if in_host else ""
    verify_request(signed, signature, secret, await _payload_hash(exchange, signature), bucket)


async def _verify_form(exchange: RequestContext) -> None:
    form, exchange.request = await read_form(exchange.request)
    signature = form_signature(form.fields)
    if signature is None:
        raise InvalidSignature("the form has no signed policy")
    verify_policy(form.fields.get("policy", ""), signature, await _secret_of(exchange, signature))
    length = exchange.request.headers.get("Content-Length", "")
    check_policy(form, s3_call(exchange.request).bucket, int(length) if length.isdigit() else None)


async def _secret_of(exchange: RequestContext, signature: Signature) -> str:
    """The secret that IAM or STS of the backend issued with this key; else the one of this state folder."""
    issued = await exchange.site.accounts.secret_of(signature.access_key)
    return issued or exchange.site.credentials.client_secret


async def _payload_hash(exchange: RequestContext, signature: Signature) -> str:
    """Return the hash of the body that the signature covers. The body is compared with it when it is read."""
    stated = exchange.request.headers.get("X-Amz-Content-SHA256", "")
    if exchange.service == "s3":
        if signature.expires is not None:
            return UNSIGNED_PAYLOAD
        if not stated:
            raise InvalidSignature("the header X-Amz-Content-SHA256 is missing")
        if len(stated) == 64:
            exchange.request = replace(exchange.request, stream=_check_body(exchange.request, stated))
        return stated
    return hashlib.sha256(await _keep_body(exchange)).hexdigest()


def _check_body(request: Request, stated: str) -> Callable[[], AsyncIterator[bytes]]:
    """The body, which fails at its end where it is not the one that was signed."""

    async def blocks() -> AsyncIterator[bytes]:
        digest = hashlib.sha256()
        held = b""
        async for block in request.stream():
            digest.update(block)
            if held:
                yield held
            held = block
        # The last block is passed on only when the whole is right, so that nothing else is stored.
        if digest.hexdigest() != stated:
            raise ContentDoesNotMatch("The provided 'x-amz-content-sha256' header does not match what was computed.")
        if held:
            yield held

    return blocks


async def _keep_body(exchange: RequestContext) -> bytes:
    """The whole body, which whoever serves the request reads once more."""
    body = await read_at_most(exchange.request, LARGEST_DOCUMENT)

    async def again() -> AsyncIterator[bytes]:
        yield body

    exchange.request = replace(exchange.request, stream=again)
    return body


def _drop_origin(exchange: RequestContext) -> None:
    """Backends need not know of other origins: what they may read is said by ``set_cors_headers``."""
    if exchange.origin:
        headers: CIMultiDict[str] = CIMultiDict(exchange.request.headers)
        headers.popall("Origin", None)
        exchange.request = replace(exchange.request, headers=CIMultiDictProxy(headers))
