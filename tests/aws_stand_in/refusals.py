"""Refusals and answers on the wire: the same error looks different at each family of services."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

JSON, REST_JSON, QUERY, EC2, XML, CBOR = "json", "rest-json", "query", "ec2", "rest-xml", "smithy-rpc-v2-cbor"


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes
    code: str = ""
    """Of a refusal."""


class Refused(Exception):
    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)
# What is wrong with credentials -> at JSON services, at query services, at S3: code, status; and the message.
_TROUBLES: Mapping[str, tuple[tuple[str, int], tuple[str, int], tuple[str, int], str]] = {
    "missing": (
        ("MissingAuthenticationTokenException", 400),
        ("MissingAuthenticationToken", 403),
        ("AccessDenied", 403),
        "Missing Authentication Token",
    ),
    "incomplete": (
        ("IncompleteSignatureException", 400),
        ("IncompleteSignature", 400),
        ("AuthorizationHeaderMalformed", 400),
        "The request signature does not conform to AWS standards",
    ),
    "unknown": (
        ("UnrecognizedClientException", 400),
        ("InvalidClientTokenId", 403),
        ("InvalidAccessKeyId", 403),
        "The security token included in the request is invalid.",
    ),
    "expired": (
        ("ExpiredTokenException", 400),
        ("ExpiredToken", 403),
        ("ExpiredToken", 400),
        "The security token included in the request is expired",
    ),
    "wrong": (
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("SignatureDoesNotMatch", 403),
        _MISMATCH,
    ),
    "skewed": (
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("RequestTimeTooSkewed", 403),
        "Signature expired: the difference between the request time and the current time is too large.",
    ),
    "outlived": (
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("AccessDenied", 403),
        "Request has expired",
    ),
    "content": (
        ("InvalidSignatureException", 400),
        ("SignatureDoesNotMatch", 403),
        ("XAmzContentSHA256Mismatch", 400),
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    ),
}


def credential_trouble(protocol: str, kind: str, told: str = "") -> Refused:
    json_form, query_form, s3_form, message = _TROUBLES[kind]
    if protocol == EC2:
        return Refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    code, status = {QUERY: query_form, XML: s3_form}.get(protocol, json_form)
    return Refused(code, told or message, status)


def access_denied(protocol: str, message: str) -> Refused:
    if protocol == EC2:
        return Refused("UnauthorizedOperation", f"You are not authorized to perform this operation. {message}", 403)
    if protocol in (QUERY, XML):
        return Refused("AccessDenied", message, 403)
    return Refused("AccessDeniedException", message, 403 if protocol == REST_JSON else 400)


def refuse(protocol: str, refused: Refused, request_id: str) -> Answer:
    if protocol == QUERY:
        body = (
            '<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type>'
            f"<Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error>"
            f"<RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return Answer(refused.status, {"Content-Type": "text/xml"}, body.encode(), refused.code)
    if protocol == EC2:
        body = (
            f"<Response><Errors><Error><Code>{refused.code}</Code><Message>{escape(refused.message)}</Message></Error>"
            f"</Errors><RequestID>{request_id}</RequestID></Response>"
        )
        return Answer(refused.status, {"Content-Type": "text/xml"}, body.encode(), refused.code)
    if protocol == XML:
        body = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{refused.code}</Code>'
            f"<Message>{escape(refused.message)}</Message><RequestId>{request_id}</RequestId></Error>"
        )
        return Answer(refused.status, {"Content-Type": "application/xml"}, body.encode(), refused.code)
    document: dict[str, Any] = {"__type": refused.code, "message": refused.message}
    if protocol == CBOR:
        return Answer(refused.status, _CBOR_HEADERS, _cbor(document), refused.code)
    headers = {"Content-Type": "application/x-amz-json-1.1"}
    if protocol == REST_JSON:
        document.pop("__type")
        headers = {"Content-Type": "application/json", "x-amzn-ErrorType": refused.code}
    return Answer(refused.status, headers, json.dumps(document).encode(), refused.code)


_CBOR_HEADERS = {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}


def answer(protocol: str, operation: str, document: Mapping[str, Any], request_id: str) -> Answer:
    """An answer of one of the small services that this stand-in serves itself."""
    if protocol == CBOR:
        return Answer(200, _CBOR_HEADERS, _cbor(document))
    if protocol == EC2:
        body = f"<{operation}Response>{_xml(document, 'item')}<requestId>{request_id}</requestId></{operation}Response>"
        return Answer(200, {"Content-Type": "text/xml"}, body.encode())
    if protocol == QUERY:
        body = (
            f'<{operation}Response xmlns="https://amazonaws.com/doc/"><{operation}Result>{_xml(document)}'
            f"</{operation}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
            f"</{operation}Response>"
        )
        return Answer(200, {"Content-Type": "text/xml"}, body.encode())
    return Answer(200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(document).encode())


def _xml(value: Any, member: str = "member") -> str:
    if isinstance(value, Mapping):
        return "".join(f"<{name}>{_xml(each, member)}</{name}>" for name, each in value.items())
    if isinstance(value, (list, tuple)):
        return "".join(f"<{member}>{_xml(each, member)}</{member}>" for each in value)
    return escape(str(value).lower() if isinstance(value, bool) else str(value))


def _cbor(document: Any) -> bytes:
    import cbor2

    return cbor2.dumps(document)
