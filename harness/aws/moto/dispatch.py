"""Runs moto's own request handlers in this process: a request in, the handler's answer as values out.

moto's back ends are not thread safe: every call holds ``LOCK``. It must hold no transfer of object bytes.
"""

from __future__ import annotations

import importlib
import logging
import re
import threading
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from multidict import CIMultiDict

from harness.aws.moto.misread import Misread, answer_to_misread, trusting
from harness.aws.wire.error_responses import QUERY, Refusal, fault, full_disk, readable, s3_code
from harness.kernel.http import Response

LOCK = threading.RLock()
logger = logging.getLogger(__name__)

# Signing name of the service -> moto's package. What is not in memory is imported by its first request.
PACKAGES = {
    "s3": "s3",
    "sts": "sts",
    "iam": "iam",
    "monitoring": "cloudwatch",
    "logs": "logs",
    "ecr": "ecr",
    "sns": "sns",
    "sqs": "sqs",
    "events": "events",
    "kms": "kms",
    "secretsmanager": "secretsmanager",
    "ssm": "ssm",
    "scheduler": "scheduler",
    "resource-groups": "resourcegroups",
    "tagging": "resourcegroupstaggingapi",
}
EAGER = ("s3", "sts", "iam", "monitoring", "logs", "ecr")
NO_XML = re.compile(rb"[\x00-\x08\x0b\x0c\x0e-\x1f]")
"""What no XML may hold, though keys, which error documents repeat, may."""
NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
HANDLED_HERE = frozenset({"content-length", "connection", "server", "date", "status", "transfer-encoding"})


class MotoAnswer(NamedTuple):
    status: int
    headers: Mapping[str, Any]
    body: Any
    """bytes, str, or whatever value the S3 seam put into a key."""


class MotoCall(NamedTuple):
    """One request as moto's handlers need it."""

    service: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    account: str
    region: str
    environ: Mapping[str, Any] = {}


def run(call: MotoCall) -> MotoAnswer:
    """Run the handler. ``Refusal`` where moto has none; its own errors come as answers."""
    from moto.core.request import Request
    from werkzeug.exceptions import HTTPException

    url = f"https://{call.service}.{call.region}.amazonaws.com{call.target}"
    request = Request.from_primitives(call.method, url, _headers(call), call.body)
    request.environ.update(call.environ)
    handler = _handler(call.service, url.partition("?")[0])
    try:
        with trusting():
            return MotoAnswer(*handler(request, request.raw_url, request.headers))
    except HTTPException as error:
        return MotoAnswer(error.code or 500, dict(error.get_headers()), error.get_body())
    finally:
        request.close()


def response(call: MotoCall, found: MotoAnswer) -> Response:
    body = found.body.encode() if isinstance(found.body, str) else bytes(found.body or b"")
    if body.startswith(b"<?xml"):
        body = NO_XML.sub("\N{REPLACEMENT CHARACTER}".encode(), body)
    if found.status in (204, 304):
        body = b""
    elif found.status >= 400 and call.method != "HEAD" and not readable(call.service, call.headers, found.status, body):
        code = s3_code(found.status) if call.service == "s3" else _code(found.status)
        text = body.decode(errors="replace") if body[:1] not in (b"<", b"") else ""
        return fault(call.service, call.headers, found.status, code, text or f"{call.method} {call.target} failed")
    return Response(found.status, kept_headers(found, head=call.method == "HEAD"), body)


def kept_headers(found: MotoAnswer, head: bool) -> CIMultiDict[str]:
    """moto's headers without those the server sets; a HEAD keeps the length, since it has no body to count."""
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in found.headers.items():
        lower = name.lower()
        if value is not None and (lower not in HANDLED_HERE or (head and lower == "content-length")):
            headers[name] = _header_text(name, str(value))
    return headers


def _header_text(name: str, value: str) -> str:
    """Refuse what would end the header: clients say some of an answer's headers (``response-content-type`` of S3)."""
    if NO_HEADER.search(value):
        raise Refusal(400, "InvalidArgument", f"The header {name} cannot hold a line break or control character")
    return value


def failure(call: MotoCall, error: Exception) -> Response:
    error = full_disk(error) or error
    if isinstance(error, Refusal):
        return fault(call.service, call.headers, error.status, error.code, error.message)
    if type(error).__name__ == "OperationNotFoundError":  # of botocore, which is imported with moto
        code = "InvalidAction" if call.service in QUERY else "UnknownOperationException"
        return fault(call.service, call.headers, 400, code, f"The service has no operation {error}")
    if isinstance(error, NotImplementedError):
        code = "NotImplemented" if call.service == "s3" else "UnsupportedOperationException"
        text = str(error) or f"The embedded {call.service} does not support this operation"
        return fault(call.service, call.headers, 501, code, text)
    logger.error("%s %s %s failed", call.service, call.method, call.target, exc_info=error)
    if isinstance(error, Misread):
        return fault(call.service, call.headers, *answer_to_misread(call, error.cause))
    code = "InternalError" if call.service == "s3" else "InternalFailure"
    text = f"The embedded {call.service} failed on this request: {type(error).__name__}: {error}"
    return fault(call.service, call.headers, 500, code, text)


def _code(status: int) -> str:
    return {404: "UnknownOperationException", 403: "AccessDeniedException", 501: "UnsupportedOperationException"}.get(
        status, "InternalFailure" if status >= 500 else "ValidationException"
    )


def _headers(call: MotoCall) -> dict[str, str]:
    dropped = {"host", "expect", "content-length", "transfer-encoding", "connection", "x-moto-account-id"}
    headers = {name: value for name, value in call.headers.items() if name.lower() not in dropped}
    # Path-style addressing is what the target carries by now; moto would look for a bucket in any other host name.
    headers["Host"] = f"{call.service}.{call.region}.amazonaws.com"
    headers["x-moto-account-id"] = call.account
    return headers


Handler = Callable[..., "tuple[int, Mapping[str, Any], Any]"]


def _handler(service: str, url: str) -> Handler:
    for pattern, handler in _routes(service):
        if pattern.match(url):
            return handler
    raise Refusal(404, "UnknownOperationException", f"{service} has no operation at this address")


@lru_cache
def _routes(service: str) -> tuple[tuple[re.Pattern[str], Handler], ...]:
    importlib.import_module(f"moto.{PACKAGES[service]}.models")
    urls = importlib.import_module(f"moto.{PACKAGES[service]}.urls")
    return tuple(
        (re.compile(path.format(base)), handler) for base in urls.url_bases for path, handler in urls.url_paths.items()
    )


def prepare(service: str) -> None:
    """Import what answers this service, so that its first request need not."""
    _routes(service)
