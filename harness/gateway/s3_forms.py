"""Browser uploads to S3: reads the fields of a POST form and checks them against the form's policy.

Rules: https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any

from harness.gateway.signatures import InvalidSignature
from harness.kernel.errors import ApiError
from harness.kernel.http import Request

LARGEST_HEAD = 256 * 1024
"""Of the fields before the file. S3 itself takes 20 KB of them; a policy is the largest."""
_KIND = "multipart/form-data"
_WITHOUT_CONDITION = frozenset({"x-amz-signature", "signature", "awsaccesskeyid", "policy", "file"})


class MalformedForm(ApiError):
    code = "MalformedPOSTRequest"
    status = 400


@dataclass(frozen=True)
class Form:
    """The fields before the file, by names in small letters, and how many bytes of the body come before the file's."""

    fields: Mapping[str, str]
    repeated: frozenset[str]
    boundary: str
    head: int


def form_boundary(request: Request) -> str:
    """The boundary of a request that is a POST form; else empty. Read as the backends read it."""
    kind = request.headers.get("Content-Type", "")
    if request.method != "POST" or not kind.lower().startswith(_KIND):
        return ""
    from werkzeug.http import parse_options_header

    return str(parse_options_header(kind)[1].get("boundary", ""))


async def read_form(request: Request) -> tuple[Form, Request]:
    """The form, and the request with its body still to be read, without the fields after the file, as S3 ignores them.

    Raises ``InvalidSignature`` if backends may take the request for something else than this form.
    """
    if "?" in request.target or len(request.headers.getall("Content-Type")) > 1:
        raise InvalidSignature("a form has no query, and one Content-Type")
    received = bytearray()
    blocks = request.stream()
    reader = _FormReader(form_boundary(request))
    async for block in blocks:
        received += block
        reader.feed(block)
        if reader.complete:
            break
        if len(received) > LARGEST_HEAD:
            raise InvalidSignature(f"the fields before the form's file have more than {LARGEST_HEAD} bytes")
    head = received[: reader.head] if reader.has_file else received
    length = request.headers.get("Content-Length", "")

    async def whole() -> AsyncIterator[bytes]:
        yield bytes(head)
        if not reader.has_file:
            return
        sent = len(head)
        async for data in reader.file(blocks):
            sent += len(data)
            yield data
        end = f"\r\n--{reader.boundary}--\r\n".encode()
        # What follows the end means nothing, and keeps the length that the request says.
        yield end.ljust(int(length) - sent) if length.isdigit() else end

    return reader.form(), replace(request, stream=whole)


class _FormReader:
    """Reads up to the first byte of the field ``file``, which is the last one that counts."""

    def __init__(self, boundary: str) -> None:
        from werkzeug.sansio.multipart import MultipartDecoder

        self.boundary = boundary
        self._decoder = MultipartDecoder(boundary.encode(), max_parts=1000)
        self._fields: dict[str, str] = {}
        self._repeated: set[str] = set()
        self._name = ""
        self._value = bytearray()
        self._fed = 0
        self.head = 0
        """How many bytes come before those of the file."""
        self.has_file = False
        self.complete = False

    def feed(self, block: bytes) -> None:
        from werkzeug.sansio import multipart

        self._fed += len(block)
        self._decoder.receive_data(block)
        while not self.complete:
            try:
                event = self._decoder.next_event()
            except ValueError as error:
                raise InvalidSignature(f"the form cannot be read: {error}") from None
            if isinstance(event, (multipart.Field, multipart.File)):
                self._name, self._value = event.name.lower(), bytearray()
                if self._name == "file":
                    self._end_at_file()
            elif isinstance(event, multipart.Data):
                self._value += event.data
                if not event.more_data:
                    self._keep()
            elif isinstance(event, multipart.Epilogue):
                self.complete = True
            elif isinstance(event, multipart.NeedData):
                return

    async def file(self, blocks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Yield the bytes of the file and pass over what follows it."""
        from werkzeug.sansio import multipart

        more = True
        while more:
            try:
                event = self._decoder.next_event()
            except ValueError as error:
                raise MalformedForm(f"The body of the form ends before its file does: {error}") from None
            if isinstance(event, multipart.Data):
                more = event.more_data
                yield event.data
                continue
            block = await anext(blocks, None)
            self._decoder.receive_data(block)  # None: next_event tells that the body ended too early
        async for _ in blocks:
            pass

    def form(self) -> Form:
        return Form(self._fields, frozenset(self._repeated), self.boundary, self.head)

    def _end_at_file(self) -> None:
        self.complete = self.has_file = True
        # What is left of the buffer begins with the line break that ends the headers of the field.
        line_break = 2 if self._decoder.buffer.startswith(b"\r\n") else 1
        self.head = self._fed - len(self._decoder.buffer) + line_break

    def _keep(self) -> None:
        if self._name in self._fields:
            self._repeated.add(self._name)
        self._fields[self._name] = self._value.decode("utf-8", "replace")


def check_policy(form: Form, bucket: str, length: int | None) -> None:
    """``InvalidSignature`` unless the form obeys its policy. ``length`` is the length of the body, if it is known."""
    if form.repeated:
        raise InvalidSignature(f"the form has the field {min(form.repeated)} twice")
    policy = _read_policy(form.fields.get("policy", ""))
    if _moment(policy.get("expiration")) < datetime.now(timezone.utc):
        raise InvalidSignature("the form's policy has expired")
    values = {**form.fields, "bucket": bucket}
    named = set()
    for operator, name, expected in _conditions(policy):
        if operator == "content-length-range":
            _check_length(form, length, name, expected)
            continue
        named.add(name)
        value = values.get(name, "")
        if not (value == expected if operator == "eq" else value.startswith(expected)):
            raise InvalidSignature(
                f"the form's {name} does not meet the condition {operator} {expected!r} of its policy"
            )
    for name in values:
        if name not in named and name not in _WITHOUT_CONDITION and not name.startswith("x-ignore-"):
            raise InvalidSignature(f"the form's policy has no condition for {name}")


def _read_policy(encoded: str) -> dict[str, Any]:
    try:
        policy = json.loads(base64.b64decode(encoded, validate=True))
    except (ValueError, binascii.Error):
        raise InvalidSignature("the form's policy is not JSON in base64") from None
    if not isinstance(policy, dict) or not isinstance(policy.get("conditions"), list):
        raise InvalidSignature("the form's policy has no conditions")
    return policy


def _moment(text: Any) -> datetime:
    try:
        return datetime.strptime(str(text)[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    except ValueError:
        raise InvalidSignature(f"the expiration {text!r} of the form's policy is no time") from None


def _conditions(policy: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """``(operator, name, value)``, or ``("content-length-range", least, most)``."""
    conditions: list[tuple[str, Any, Any]] = []
    for condition in policy["conditions"]:
        if isinstance(condition, dict):
            conditions += [("eq", str(name).lower(), str(value)) for name, value in condition.items()]
        elif isinstance(condition, list) and len(condition) == 3:
            operator = str(condition[0]).lower()
            if operator == "content-length-range":
                conditions.append((operator, condition[1], condition[2]))
            elif operator in ("eq", "starts-with"):
                conditions.append((operator, str(condition[1]).lower().removeprefix("$"), str(condition[2])))
            else:
                raise InvalidSignature(f"the form's policy has the unknown condition {operator!r}")
        else:
            raise InvalidSignature(f"the form's policy has a condition of the wrong form: {condition!r}")
    return conditions


def _check_length(form: Form, length: int | None, least: Any, most: Any) -> None:
    if length is None:
        raise InvalidSignature("the length of the form's file is limited, and the request has no Content-Length")
    size = length - form.head - len(f"\r\n--{form.boundary}--\r\n")
    try:
        fits = int(least) - 2 <= size <= int(most)  # some clients leave out the last line break
    except (TypeError, ValueError):
        raise InvalidSignature("the limits of the form's file are no numbers") from None
    if not fits:
        raise InvalidSignature(f"the form's file of {size} bytes is not within the limits {least} to {most}")
