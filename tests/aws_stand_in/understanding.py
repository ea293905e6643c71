"""What a request asks for, by botocore's models: the operation, its parameters, and all that the models forbid."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree as ET

import botocore.session
from botocore.validate import ParamValidator

from harness.kernel.errors import ApiError
from harness.protocol import WireRequest, parse, service_model, validate
from tests.aws_stand_in.names import Host
from tests.aws_stand_in.refusals import CBOR, EC2, JSON, QUERY, REST_JSON, XML
from tests.aws_stand_in.sigv4 import Sent

_OF_EVERY_REQUEST = re.compile(
    r"x-amz-(date|content-sha256|security-token|user-agent|te|trailer|decoded-content-length|meta-.*|checksum-.*)"
)
_OF_EVERY_QUERY = re.compile(r"X-Amz-.*|x-id")


class Call(NamedTuple):
    """``problems`` is empty for a request that the models allow."""

    operation: str
    parameters: dict[str, Any]
    problems: tuple[str, ...]


@cache
def model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


def protocol_of(host: Host, sent: Sent) -> str:
    if sent.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return CBOR
    if "x-amz-target" in sent.headers:
        return JSON
    stated = str(model(host.service).metadata["protocol"])
    if stated in (REST_JSON, XML, QUERY, EC2):
        return stated
    return QUERY if "urlencoded" in sent.headers.get("content-type", "") else JSON


def understand(host: Host, protocol: str, sent: Sent) -> Call:
    if protocol == XML:
        return _s3(host, sent)
    if protocol == REST_JSON:
        return _rest(host, sent)
    try:
        name, given = _NAMED[protocol](host, sent)
    except (ValueError, KeyError) as error:
        return Call("", {}, (f"{protocol}: {error!r}",))
    if name not in model(host.service).operation_names:
        return Call(name, {}, (f"{host.service} has no operation {name!r}",))
    shape = model(host.service).operation_model(name).input_shape
    problems: list[str] = []
    if protocol in (QUERY, EC2):
        given = _of_form(shape, given, protocol, problems)
    problems += _against(shape, given)
    if host.service == "sagemaker" and not problems:
        problems += _constraints(name, sent)
    return Call(name, given, tuple(problems))


def _json(host: Host, sent: Sent) -> tuple[str, Any]:
    prefix, _, name = sent.headers["x-amz-target"].rpartition(".")
    if prefix != model(host.service).metadata["targetPrefix"]:
        raise ValueError(f"X-Amz-Target {prefix} is not of {host.service}")
    return name, json.loads(sent.body or b"{}")


def _cbor(host: Host, sent: Sent) -> tuple[str, Any]:
    import cbor2

    found = re.fullmatch(r"/service/(\w+)/operation/(\w+)", sent.target)
    if found is None or found[1] != model(host.service).metadata["targetPrefix"]:
        raise ValueError(f"{sent.target} is not of {host.service}")
    return found[2], cbor2.loads(sent.body) if sent.body else {}


def _form(host: Host, sent: Sent) -> tuple[str, Any]:
    form = dict(parse_qsl(sent.body.decode(), keep_blank_values=True, strict_parsing=True))
    if form.pop("Version") != model(host.service).metadata["apiVersion"]:
        raise ValueError("Version is not that of the API")
    return form.pop("Action"), form


_NAMED = {JSON: _json, CBOR: _cbor, QUERY: _form, EC2: _form}


def _against(shape: Any, given: Any) -> list[str]:
    """Unknown and missing members, wrong types, limits."""
    if shape is None:
        return []
    report = ParamValidator().validate(given, shape).generate_report()
    return [line for line in report.splitlines() if line]


def _constraints(name: str, sent: Sent) -> list[str]:
    """Patterns and enumerations as well, which botocore leaves to the service."""
    operation = service_model("sagemaker").operation(name)
    assert operation is not None
    try:
        validate(operation, parse(operation, WireRequest(sent.body, sent.headers, {}, {})))
    except ApiError as error:
        return [error.message]
    return []


def _rest(host: Host, sent: Sent) -> Call:
    path, _, _ = sent.target.partition("?")
    found = service_model(host.service).route(sent.method, path)
    if found is None:
        return Call("", {}, (f"{host.service} has nothing at {sent.method} {path}",))
    operation, values = found
    query: dict[str, list[str]] = {}
    for name, value in sent.pairs:
        query.setdefault(name, []).append(value)
    headers = {name.title(): value for name, value in sent.headers.items()}
    wire = {member.wire_name: headers.get(member.wire_name.title()) for member in _members(operation)}
    try:
        given = parse(
            operation,
            WireRequest(sent.body, {k: v for k, v in wire.items() if v is not None}, query, values),
        )
        validate(operation, given)
    except ApiError as error:
        return Call(operation.name, {}, (error.message,))
    problems: list[str] = []
    shape = model(host.service).operation_model(operation.name).input_shape
    if shape is not None and "payload" not in shape.serialization and sent.body:
        known = {member.wire_name for member in _members(operation) if not member.location}
        problems += [f"Unknown parameter in input: {name}" for name in json.loads(sent.body) if name not in known]
    return Call(operation.name, given, tuple(problems))


def _members(operation: Any) -> list[Any]:
    return list(operation.input.members.values()) if operation.input else []


def _of_form(shape: Any, form: Mapping[str, str], protocol: str, problems: list[str]) -> dict[str, Any]:
    """Flat names such as ``ContextEntries.member.1.ContextKeyName`` become what they stand for."""
    read: set[str] = set()
    found = _form_value(shape, form, "", protocol, read) if shape is not None else {}
    problems += [f"Unknown parameter in input: {name}" for name in form if name not in read]
    return found or {}


def _form_value(shape: Any, form: Mapping[str, str], path: str, protocol: str, read: set[str]) -> Any:
    if shape.type_name == "structure":
        found = {}
        for name, member in shape.members.items():
            called = _called(member, name) if protocol == EC2 else name
            value = _form_value(member, form, f"{path}.{called}" if path else called, protocol, read)
            if value is not None:
                found[name] = value
        return found or None
    if shape.type_name == "list":
        if form.get(path) == "":  # a list with nothing in it
            read.add(path)
            return []
        items: list[Any] = []
        place = path if protocol == EC2 else f"{path}.member"
        while (value := _form_value(shape.member, form, f"{place}.{len(items) + 1}", protocol, read)) is not None:
            items.append(value)
        return items or None
    if path not in form:
        return None
    read.add(path)
    text = form[path]
    if shape.type_name in ("integer", "long"):
        return int(text)
    return text == "true" if shape.type_name == "boolean" else text


def _called(member: Any, name: str) -> str:
    """EC2's own way to name members."""
    told = member.serialization
    stated = str(told.get("queryName") or told.get("name") or name)
    return stated if "queryName" in told else stated[:1].upper() + stated[1:]


def _s3(host: Host, sent: Sent) -> Call:
    path, _, _ = sent.target.partition("?")
    bucket, key = host.bucket, unquote(path[1:])
    if not bucket:
        bucket, _, key = key.partition("/")
    query, problems = dict(sent.pairs), list[str]()
    candidates = sorted(_s3_candidates(sent, bucket, key, query), key=lambda found: -found[0])
    if not candidates:
        return Call("", {}, (f"s3 has nothing at {sent.method} {sent.target}",))
    name = candidates[0][1]
    shape = model("s3").operation_model(name).input_shape
    given: dict[str, Any] = {**({"Bucket": bucket} if bucket else {}), **({"Key": key} if key else {})}
    known_query, known_headers = set(_literals(name)), set[str]()
    for member, its_shape in shape.members.items() if shape else ():
        location = its_shape.serialization.get("location")
        wire = its_shape.serialization.get("name", member)
        source = {"querystring": query, "header": sent.headers}.get(location)
        if source is None:
            continue
        (known_query if location == "querystring" else known_headers).add(wire if source is query else wire.lower())
        if (value := source.get(wire if source is query else wire.lower())) is not None:
            given[member] = value
    problems += [
        f"{name}: unknown query parameter {parameter}"
        for parameter in query
        if parameter not in known_query and not _OF_EVERY_QUERY.fullmatch(parameter)
    ]
    problems += [
        f"{name}: unknown header {header}"
        for header in sent.headers
        if header.startswith("x-amz-") and header not in known_headers and not _OF_EVERY_REQUEST.fullmatch(header)
    ]
    if name == "DeleteObjects":
        problems += _listed_keys(sent.body, given)
    return Call(name, given, tuple(problems))


def _s3_candidates(sent: Sent, bucket: str, key: str, query: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Operations of this method and kind of path whose required members are all there, and how well each fits."""
    for name in model("s3").operation_names:
        operation = model("s3").operation_model(name)
        path = operation.http["requestUri"].partition("?")[0]
        level = ("{Bucket}" in path) + ("{Key+}" in path)
        if operation.http["method"] != sent.method or level != bool(bucket) + bool(key):
            continue
        literals = _literals(name)
        wanted = [
            shape.serialization
            for member, shape in (operation.input_shape.members.items() if operation.input_shape else ())
            if member in operation.input_shape.required_members
            and shape.serialization.get("location") in ("querystring", "header")
        ]
        there = all(
            each["name"] in query if each["location"] == "querystring" else each["name"].lower() in sent.headers
            for each in wanted
        )
        if there and all(query.get(literal) == value for literal, value in literals.items()):
            yield len(literals) + len(wanted), name


@cache
def _literals(name: str) -> Mapping[str, str]:
    uri = model("s3").operation_model(name).http["requestUri"].partition("?")[2]
    return {part.partition("=")[0]: part.partition("=")[2] for part in uri.split("&") if part}


def _listed_keys(body: bytes, given: dict[str, Any]) -> list[str]:
    try:
        document = ET.fromstring(body)
    except ET.ParseError as error:
        return [f"DeleteObjects: {error}"]
    listed = list(document.iterfind("{*}Object"))
    keys = [(found.findtext("{*}Key", ""), found.find("{*}VersionId") is not None) for found in listed]
    # A version that is named is deleted for good, for which there is a permission of its own.
    given["Keys"] = [key for key, versioned in keys if not versioned]
    given["KeysOfVersions"] = [key for key, versioned in keys if versioned]
    return [] if 0 < len(listed) <= 1000 else [f"DeleteObjects: {len(listed)} keys"]
