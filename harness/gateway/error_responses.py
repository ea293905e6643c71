"""Errors become answers, once, here: in the wording of the service that was called, and never HTML."""

from __future__ import annotations

import json
from html import escape

from multidict import CIMultiDict

from harness.gateway.request_context import RequestContext
from harness.kernel.errors import ApiError
from harness.kernel.http import Response
from harness.protocol import serialise_error


def answer_error(exchange: RequestContext, error: ApiError) -> Response:
    if exchange.model is not None:
        wire = serialise_error(exchange.model, error, exchange.id)
        return Response(wire.status, CIMultiDict(wire.headers), wire.body)
    headers = CIMultiDict({"x-amzn-ErrorType": error.code})
    if _speaks_xml(exchange):
        headers["Content-Type"] = "text/xml"
        return Response(error.status, headers, _xml(exchange, error))
    headers["Content-Type"] = "application/x-amz-json-1.1"
    return Response(error.status, headers, json.dumps({"__type": error.code, "message": error.message}).encode())


def _speaks_xml(exchange: RequestContext) -> bool:
    headers = exchange.request.headers
    if "X-Amz-Target" in headers:
        return False
    form = headers.get("Content-Type", "").startswith("application/x-www-form-urlencoded")
    return form or exchange.service in ("s3", "query", "")


def _xml(exchange: RequestContext, error: ApiError) -> bytes:
    """S3 has the bare ``Error``; query services wrap it. Clients of both find code and message in this form."""
    inner = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
    request_id = f"<RequestId>{exchange.id}</RequestId>"
    if exchange.service == "s3":
        return f'<?xml version="1.0" encoding="UTF-8"?>\n<Error>{inner}{request_id}</Error>'.encode()
    return f"<ErrorResponse><Error><Type>Sender</Type>{inner}</Error>{request_id}</ErrorResponse>".encode()
