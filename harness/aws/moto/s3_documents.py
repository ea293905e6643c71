"""Checks the XML documents of S3 requests against botocore's model of S3, before moto reads them.

One rule for every operation that takes a document: the root, the members that are required, the types of scalars and
the values of enumerations. Unknown elements are left to moto, since clients may be newer than the model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

from harness.aws.moto.misread import MALFORMED_XML
from harness.aws.moto.s3_arguments import invalid
from harness.aws.moto.s3_policies import check_policy
from harness.aws.wire.error_responses import Refusal
from harness.aws.wire.s3_requests import S3Request

OPTIONAL = frozenset({"CreateBucket", "PutBucketAcl", "PutObjectAcl", "CompleteMultipartUpload"})
"""Operations whose document is optional."""
OPEN = frozenset({"BucketLocationConstraint", "LocationInfo"})
"""Enumerations whose unknown values are accepted, because new values appear before models have them."""
MOST_DELETED = 1000
NAMESPACE = b"http://s3.amazonaws.com/doc/2006-03-01/"
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_TEXTS = {
    "integer": re.compile(r"\s*[+-]?\d{1,10}\s*", re.ASCII),
    "long": re.compile(r"\s*[+-]?\d{1,19}\s*", re.ASCII),
    "boolean": re.compile(r"\s*(?:true|false|TRUE|FALSE|1|0)\s*"),
}


class Document(NamedTuple):
    """The document of one operation: its root element and its shape in botocore's model."""

    operation: str
    root: str
    shape: Any


def check_document(request: S3Request, body: bytes) -> bytes:
    """Check a document as S3 does, and return it as moto needs it. May take long, so not for the event loop.

    moto does not understand an empty document without a namespace, which S3 accepts.
    """
    if request.method == "PUT" and not request.key and "policy" in request.query:
        check_policy(body)
        return body
    document = _document_of(request)
    if document is None:
        return body
    if not body.strip():
        if document.operation in OPTIONAL:
            _check_absent(document, request)
            return body
        raise Refusal(400, "MissingRequestBodyError", "Request Body is empty")
    root = parse(body)
    if _local(root.tag) != document.root:
        raise _malformed_error()
    _check(document.shape, root)
    if document.root == "Delete" and sum(_local(child.tag) == "Object" for child in root) > MOST_DELETED:
        raise _malformed_error()
    if document.root == "AccessControlPolicy" and not any(_local(child.tag) == "AccessControlList" for child in root):
        raise Refusal(400, "MalformedACLError", MALFORMED_XML)
    if root.tag != document.root:
        return body
    start = rb"<" + document.root.encode() + rb"(?=[\s/>])"
    return re.sub(start, b'\\g<0> xmlns="' + NAMESPACE + b'"', body, count=1)


def parse(body: bytes) -> ET.Element:
    """Parse XML. Document types, and so entities, are refused as by S3."""
    try:
        if not _DOCTYPE.search(body):
            return ET.fromstring(body)
    except (ET.ParseError, ValueError, LookupError):
        pass
    raise _malformed_error()


def _check_absent(document: Document, request: S3Request) -> None:
    by_header = any(name.lower().startswith(("x-amz-acl", "x-amz-grant-")) for name in request.headers)
    if document.root == "AccessControlPolicy" and not by_header:
        raise Refusal(400, "MissingSecurityHeader", "Your request was missing a required header")
    if document.operation == "CompleteMultipartUpload":
        raise invalid("You must specify at least one part")


def _document_of(request: S3Request) -> Document | None:
    documents = _documents()
    key = bool(request.key)
    for name in request.query:
        document = documents.get((request.method, key, name))
        if document is not None:
            return document
    return documents.get((request.method, key, "")) if not request.uploads_bytes else None


@lru_cache
def _documents() -> Mapping[tuple[str, bool, str], Document]:
    """Map method, whether there is a key, and sub-resource to the document of the operation."""
    from moto.core.utils import get_service_model

    document = {}
    model = get_service_model("s3")
    for name in model.operation_names:
        operation = model.operation_model(name)
        shape = operation.input_shape
        payload = shape.serialization.get("payload") if shape is not None else None
        if operation.deprecated or not payload or shape.members[payload].type_name != "structure":
            continue
        member = shape.members[payload]
        path, _, query = operation.http["requestUri"].partition("?")
        resource = query.partition("&")[0].partition("=")[0]
        if name == "CompleteMultipartUpload":
            resource = "uploadId"
        root = member.serialization.get("name", payload)
        document[operation.http["method"], "{Key+}" in path, resource] = Document(name, root, member)
    return document


def _check(shape: Any, element: ET.Element) -> None:
    children: dict[str, list[ET.Element]] = {}
    for child in element:
        children.setdefault(_local(child.tag), []).append(child)
    for name, member in shape.members.items():
        if member.serialization.get("xmlAttribute"):
            present = any(_local(attribute) == "type" for attribute in element.attrib)
        else:
            present = _check_member(member, children.get(_element_name(name, member), []))
        if not present and name in shape.required_members:
            raise _malformed_error()


def _check_member(member: Any, elements: list[ET.Element]) -> bool:
    """Check the elements of one member; return whether there are any."""
    if member.type_name == "list" and not member.serialization.get("flattened"):
        for element in elements:
            item = member.member.serialization.get("name", "member")
            for child in element:
                if _local(child.tag) == item:
                    _check_value(member.member, child)
        return bool(elements)
    if member.type_name != "list" and len(elements) > 1:
        raise _malformed_error()
    for element in elements:
        _check_value(member.member if member.type_name == "list" else member, element)
    return bool(elements)


def _check_value(shape: Any, element: ET.Element) -> None:
    if shape.type_name == "structure":
        _check(shape, element)
        return
    text = element.text or ""
    pattern = _TEXTS.get(shape.type_name)
    wrong = (
        len(element) > 0
        or (pattern is not None and not pattern.fullmatch(text))
        or (shape.type_name == "timestamp" and not _is_timestamp(text))
        or (shape.name not in OPEN and text not in shape.metadata.get("enum", (text,)))
    )
    if wrong:
        raise _malformed_error()


def _is_timestamp(text: str) -> bool:
    try:
        datetime.fromisoformat(text.strip().replace("Z", "+00:00"))
    except ValueError:
        return False
    return True


def _element_name(name: str, member: Any) -> str:
    if member.type_name == "list" and member.serialization.get("flattened"):
        return str(member.serialization.get("name") or member.member.serialization.get("name") or name)
    return str(member.serialization.get("name", name))


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _malformed_error() -> Refusal:
    return Refusal(400, "MalformedXML", MALFORMED_XML)
