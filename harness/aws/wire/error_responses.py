"""Error answers in each service's own format. An error is never HTML or plain text."""

from __future__ import annotations

import errno
import json
import sqlite3
import uuid
from collections.abc import Mapping
from xml.sax.saxutils import escape

from multidict import CIMultiDict

from harness.kernel.http import Response

QUERY = frozenset({"sts", "iam", "sns", "monitoring"})
S3_CODES = {
    400: "InvalidRequest",
    403: "AccessDenied",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    409: "OperationAborted",
    411: "MissingContentLength",
    412: "PreconditionFailed",
    416: "InvalidRange",
    501: "NotImplemented",
}


class Refusal(Exception):
    """An error answer with status, code and message, made by harness and not by moto."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


def full_disk(error: Exception) -> Refusal | None:
    """Return the error answer for a full disk; None for any other error."""
    full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    if full or (isinstance(error, sqlite3.OperationalError) and "full" in str(error)):
        return Refusal(507, "InternalFailure", f"The disk that holds the emulator's state is full: {error}")
    return None


def fault(service: str, headers: Mapping[str, str], status: int, code: str, message: str) -> Response:
    """Return an error in the format of the service. ``headers`` are the request's: some services have two formats."""
    request_id = str(uuid.uuid4())
    if service == "s3":
        body = _s3_document(code, message, request_id)
        return _response(status, {"Content-Type": "application/xml", "x-amz-request-id": request_id}, body)
    if service in QUERY and not speaks_json(headers):
        body = _query_document(status, code, message, request_id)
        return _response(status, {"Content-Type": "text/xml", "x-amzn-RequestId": request_id}, body)
    body = json.dumps({"__type": code, "message": message})
    kind = "application/x-amz-json-1.1" if "x-amz-target" in headers else "application/json"
    extra = {"Content-Type": kind, "x-amzn-RequestId": request_id, "x-amzn-ErrorType": code}
    return _response(status, extra, body)


def speaks_json(headers: Mapping[str, str]) -> bool:
    return "x-amz-target" in headers or "json" in headers.get("content-type", "")


def readable(service: str, headers: Mapping[str, str], status: int, body: bytes) -> bool:
    """Return True if an error body is in the service's format, and not a page or text of the web framework."""
    start = body.lstrip()[:200].lower()
    if start.startswith((b"<!doctype", b"<html")) or not start:
        return False
    return start.startswith(b"<" if service == "s3" or (service in QUERY and not speaks_json(headers)) else b"{")


def s3_code(status: int) -> str:
    return S3_CODES.get(status, "InternalError" if status >= 500 else "InvalidRequest")


def _response(status: int, headers: dict[str, str], body: str) -> Response:
    return Response(status, CIMultiDict(headers), body.encode())


def _s3_document(code: str, message: str, request_id: str) -> str:
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{escape(code)}</Code><Message>{escape(message)}</Message>"
        f"<RequestId>{request_id}</RequestId></Error>"
    )


def _query_document(status: int, code: str, message: str, request_id: str) -> str:
    kind = "Receiver" if status >= 500 else "Sender"
    return (
        f"<ErrorResponse><Error><Type>{kind}</Type><Code>{escape(code)}</Code>"
        f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
