"""Runs moto's request handlers in this process and returns their answers as values.

moto's back ends are not thread-safe, so every call holds ``LOCK``. Bytes of objects must not be copied while it is
held.
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

from harness.aws.moto import patched_services
from harness.aws.moto.misread import Misread, answer_to_misread, catch_misread
from harness.aws.wire.error_responses import QUERY, Refusal, fault, full_disk, readable, s3_code
from harness.kernel.http import Response

LOCK = threading.RLock()
logger = logging.getLogger(__name__)

# Signing name of the service -> moto's package. A package is imported by the first request to its service.
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
"""Characters that are not allowed in XML but in S3 keys, which error documents repeat."""
NO_HEADER = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
HANDLED_HERE = frozenset({"content-length", "connection", "server", "date", "status", "transfer-encoding"})


class MotoAnswer(NamedTuple):
    status: int
    headers: Mapping[str, Any]
    body: Any
    """bytes, str, or the value that the patched S3 models put into a key."""


class MotoCall(NamedTuple):
    """One request, in the form that moto's handlers need."""

    service: str
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes
    account: str
    region: str
    environ: Mapping[str, Any] = {}


def run(call: MotoCall) -> MotoAnswer:
    """Run moto's handler. Raise ``Refusal`` if there is none. moto's own errors are returned as answers."""
    from moto.core.request import Request
    from werkzeug.exceptions import HTTPException

    url = f"https://{call.service}.{call.region}.amazonaws.com{call.target}"
    request = Request.from_primitives(call.method, url, _headers(call), call.body)
    request.environ.update(call.environ)
    handler = _handler(call.service, url.partition("?")[0])
    try:
        with catch_misread():
            return MotoAnswer(*handler(request, request.raw_url, request.headers))
    except HTTPException as error:
        return MotoAnswer(error.code or 500, dict(error.get_headers()), error.get_body())
    finally:
        request.close()


def response(call: MotoCall, answer: MotoAnswer) -> Response:
    body = answer.body.encode() if isinstance(answer.body, str) else bytes(answer.body or b"")
    if body.startswith(b"<?xml"):
        body = NO_XML.sub("\N{REPLACEMENT CHARACTER}".encode(), body)
    if answer.status in (204, 304):
        body = b""
    elif (
        answer.status >= 400 and call.method != "HEAD" and not readable(call.service, call.headers, answer.status, body)
    ):
        code = s3_code(answer.status) if call.service == "s3" else _code(answer.status)
        text = body.decode(errors="replace") if body[:1] not in (b"<", b"") else ""
        return fault(call.service, call.headers, answer.status, code, text or f"{call.method} {call.target} failed")
    return Response(answer.status, response_headers(answer, head=call.method == "HEAD"), body)


def response_headers(answer: MotoAnswer, head: bool) -> CIMultiDict[str]:
    """Return moto's headers without those that the server sets. A HEAD keeps its length, as it has no body."""
    headers: CIMultiDict[str] = CIMultiDict()
    for name, value in answer.headers.items():
        lower = name.lower()
        if value is not None and (lower not in HANDLED_HERE or (head and lower == "content-length")):
            headers[name] = _header_text(name, str(value))
    return headers


def _header_text(name: str, value: str) -> str:
    """Refuse line breaks in a header's value: S3 clients can set some of them (``response-content-type``)."""
    if NO_HEADER.search(value):
        raise Refusal(400, "InvalidArgument", f"The header {name} cannot hold a line break or control character")
    return value


def failure(call: MotoCall, error: Exception) -> Response:
    error = full_disk(error) or error
    if isinstance(error, Refusal):
        return fault(call.service, call.headers, error.status, error.code, error.message)
    if type(error).__name__ == "OperationNotFoundError":  # an exception of botocore, which is only imported with moto
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
    # The target is path-style here. moto would look for a bucket in any other host name.
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
    """Import the handlers of a service, so that its first request is not slowed down by it."""
    _routes(service)
    patched_services.install(PACKAGES[service])
