"""Puts ``seam_s3`` into moto: handlers that pass files instead of bytes, and suspended versioning as S3 has it."""

from __future__ import annotations

import importlib
import threading
from typing import Any

from moto.s3.exceptions import MissingKey, MissingVersion

from harness.stores.aws_backends.moto import seam_s3
from harness.stores.aws_backends.moto.checksums import checksum_text
from harness.stores.aws_backends.moto.faults import Refusal
from harness.stores.aws_backends.moto.object_files import FileSlice, ObjectFiles
from harness.stores.aws_backends.moto.s3_forms import CREATED, FORM, check_form, created_document, form_status
from harness.stores.aws_backends.moto.seam_s3 import Bucket, Changes, Key, Upload, models

responses: Any = importlib.import_module("moto.s3.responses")
urls: Any = importlib.import_module("moto.s3.urls")
common_models: Any = importlib.import_module("moto.core.common_models")

BODY = "harness.body"
"""Key of the WSGI environment under which a request carries its received body to the handlers."""


class Backend(models.S3Backend):  # type: ignore[misc]
    def put_object(self, bucket_name: str, key_name: str, value: Any, **named: Any) -> Any:
        bucket = self.get_bucket(bucket_name)
        if not bucket.is_suspended:
            return super().put_object(bucket_name, key_name, value, **named)
        with bucket.versioned():
            key = super().put_object(bucket_name, key_name, value, **named)
        bucket.make_null(key_name)
        return key

    def delete_object(
        self, bucket_name: str, key_name: str, version_id: str | None = None, bypass: bool = False
    ) -> tuple[bool, dict[str, Any]]:
        bucket = self.get_bucket(bucket_name)
        if not bucket.is_suspended:
            found: tuple[bool, dict[str, Any]] = super().delete_object(bucket_name, key_name, version_id, bypass)
            return found
        with bucket.versioned():
            done, said = super().delete_object(bucket_name, key_name, version_id, bypass)
        if done and version_id is None:
            bucket.make_null(key_name)
            said["version-id"] = "null"
        return done, said

    def delete_object_tagging(self, bucket_name: str, key_name: str, version_id: str | None = None) -> None:
        if self.get_object(bucket_name, key_name, version_id) is None:
            raise MissingKey(key=key_name) if version_id is None else MissingVersion()
        super().delete_object_tagging(bucket_name, key_name, version_id)

    def put_bucket_tagging(self, bucket_name: str, tags: dict[str, str]) -> None:
        super().put_bucket_tagging(bucket_name, {name: value or "" for name, value in tags.items()})
        seam_s3.state.changes.buckets[bucket_name] = None  # the tagging service calls this too

    def get_object(
        self, bucket_name: str, key_name: str, version_id: Any = None, part_number: Any = None, **named: Any
    ) -> Any:
        key = super().get_object(bucket_name, key_name, version_id, **named)
        if not part_number or not isinstance(key, Key) or not key.multipart:
            return key
        return part_of(key, int(part_number))


def part_of(key: Key, number: int) -> Key:
    part: Key | None = key.multipart.parts.get(number)
    if part is None:
        raise Refusal(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
    return part


class S3Response(responses.S3Response):  # type: ignore[misc]
    """moto's handlers, given the received body, and with ranges by part number."""

    def setup_class(self, request: Any, full_url: str | None = None, headers: Any = None) -> None:
        if request.method == "POST" and request.headers.get("content-type", "").lower().startswith(FORM):
            check_form(request)
        super().setup_class(request, full_url, headers)
        received = request.environ.get(BODY)
        if received is not None:
            self.body = received

    def _acl_from_body(self) -> Any:
        return super()._acl_from_body() or models.FakeAcl([])  # a list without grants takes all away

    def _bucket_response_post(self, request: Any, bucket_name: str) -> Any:
        status, headers, body = super()._bucket_response_post(request, bucket_name)
        if "file" not in request.files and "file" not in request.form:
            return status, headers, body
        status = form_status(status)
        if status == CREATED:
            key = self.backend.get_object(bucket_name, self.querystring["key"][0])
            headers["Content-Type"], body = "application/xml", created_document(bucket_name, key.name, key.etag)
        return status, headers, body

    def get_object(self) -> Any:
        status, headers, body = super().get_object()
        number = self._get_int_param("partNumber")
        if status != 200 or not number or not isinstance(body, FileSlice):
            return status, headers, body
        key, _ = self._get_key()
        if not key.multipart:
            return status, headers, body
        part = part_of(key, number)
        start = part.body.offset
        headers["content-range"] = f"bytes {start}-{start + part.size - 1}/{key.size}"
        headers["x-amz-mp-parts-count"] = str(len(key.multipart.parts))
        return 206, headers, body[start : start + part.size]


_installing = threading.Lock()


def install(files: ObjectFiles) -> None:
    """Put our classes where moto looks its own up, and its files under ``files``."""
    with _installing:
        seam_s3.state.files = files
        seam_s3.state.changes = Changes()
        # moto's dashboard keeps every instance ever made; here that is a leak.
        common_models.BaseModel.__new__ = staticmethod(_without_tracking)
        models.FakeKey = Key
        models.FakeMultipart = Upload
        models.FakeBucket = Bucket
        models.s3_backends.backend = Backend
        responses.FakeKey = Key
        responses.compute_checksum = _compute_checksum
        responses.S3Response = S3Response
        importlib.reload(urls)  # it took the class by name


def _without_tracking(cls: type[Any], *given: Any, **named: Any) -> Any:
    return object.__new__(cls)


def _compute_checksum(body: Any, algorithm: str, encode_base64: bool = True) -> bytes:
    blocks = body.blocks() if isinstance(body, FileSlice) else [body]
    found = checksum_text(algorithm.upper(), blocks)
    if found is None or not encode_base64:
        raise Refusal(501, "NotImplemented", f"The emulator cannot compute {algorithm} checksums")
    return found.encode()
