"""Replace moto's S3 handlers by ones that pass files instead of bytes and suspend versioning as S3 does."""

from __future__ import annotations

import importlib
import threading
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

from moto.s3.exceptions import MissingKey, MissingVersion
from werkzeug.http import http_date

from harness.aws.moto import patched_s3_models
from harness.aws.moto.patched_s3_lists import Lists
from harness.aws.moto.patched_s3_models import FileBucket, FileKey, S3Changes, Upload, models
from harness.aws.moto.s3_forms import CREATED, FORM, check_form, created_document, form_status
from harness.aws.wire.checksums import checksum_text
from harness.aws.wire.error_responses import Refusal, fault
from harness.aws.wire.object_files import FileSlice, ObjectFiles

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
        if bucket.versioning_status is None and version_id not in (None, "null"):
            raise Refusal(400, "InvalidArgument", "Invalid version id specified")
        if not bucket.is_suspended:
            result: tuple[bool, dict[str, Any]] = super().delete_object(bucket_name, key_name, version_id, bypass)
            return result
        with bucket.versioned():
            done, said = super().delete_object(bucket_name, key_name, version_id, bypass)
        if done and version_id is None:
            bucket.make_null(key_name)
            said["version-id"] = "null"
        return done, said

    def _set_delete_marker(self, bucket_name: str, key_name: str) -> Any:
        """Make a delete marker, also for a key that never existed (S3 user guide, "Working with delete markers")."""
        keys = self.get_bucket(bucket_name).keys
        if keys.getlist(key_name, []):
            return super()._set_delete_marker(bucket_name, key_name)
        marker = models.FakeDeleteMarker(SimpleNamespace(name=key_name))
        marker.key = None
        keys[key_name] = marker
        return marker

    def delete_object_tagging(self, bucket_name: str, key_name: str, version_id: str | None = None) -> None:
        if self.get_object(bucket_name, key_name, version_id) is None:
            raise MissingKey(key=key_name) if version_id is None else MissingVersion()
        super().delete_object_tagging(bucket_name, key_name, version_id)

    def put_bucket_tagging(self, bucket_name: str, tags: dict[str, str]) -> None:
        super().put_bucket_tagging(bucket_name, {name: value or "" for name, value in tags.items()})
        patched_s3_models.state.changes.buckets[bucket_name] = None  # called by the tagging service, too

    def get_object(
        self, bucket_name: str, key_name: str, version_id: Any = None, part_number: Any = None, **named: Any
    ) -> Any:
        key = super().get_object(bucket_name, key_name, version_id, **named)
        if not part_number or not isinstance(key, FileKey) or not key.multipart:
            return key
        return part_of(key, int(part_number))


def part_of(key: FileKey, number: int) -> FileKey:
    part: FileKey | None = key.multipart.parts.get(number)
    if part is None:
        raise Refusal(416, "InvalidPartNumber", "The requested partnumber is not satisfiable")
    return part


class S3Response(Lists, responses.S3Response):  # type: ignore[misc]
    """moto's handlers, given the received body, with lists by index and ranges by part number."""

    def setup_class(self, request: Any, full_url: str | None = None, headers: Any = None) -> None:
        if request.method == "POST" and request.headers.get("content-type", "").lower().startswith(FORM):
            check_form(request)
        super().setup_class(request, full_url, headers)
        received = request.environ.get(BODY)
        if received is not None:
            self.body = received

    def _acl_from_body(self) -> Any:
        return super()._acl_from_body() or models.FakeAcl([])  # a list without grants removes all of them

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
        marker = self._named_marker()
        if marker is not None:
            return _answer_for_marker(marker, by_version="versionId" in self.querystring)
        status, headers, body = self._with_null_version(super().get_object())
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

    def head_object(self, bucket_name: str, *arguments: Any, **named: Any) -> Any:
        bucket = self.backend.get_bucket(bucket_name)
        with bucket.versioned() if bucket.is_suspended else nullcontext():  # otherwise moto ignores versions
            answer = super().head_object(bucket_name, *arguments, **named)
        return self._with_null_version(answer)

    def _named_marker(self) -> Any:
        """Return the delete marker that the request names, by its version or as the latest of its key."""
        version = self.querystring.get("versionId", [None])[0]
        versions = self.backend.get_bucket(self.bucket_name).keys.getlist(self.parse_key_name(), [])
        chosen = [one for one in versions if one.version_id == version] if version else versions[-1:]
        return chosen[0] if chosen and isinstance(chosen[0], models.FakeDeleteMarker) else None

    def _with_null_version(self, answer: Any) -> Any:
        """Name the version ``null`` of a bucket that has versions, or had."""
        status, headers, body = answer
        if status < 400 and self.backend.get_bucket(self.bucket_name).versioning_status is not None:
            headers.setdefault("x-amz-version-id", "null")
        return status, headers, body


def _answer_for_marker(marker: Any, by_version: bool) -> Any:
    """Answer a GET of a delete marker (S3 user guide, "Working with delete markers")."""
    shown = {"x-amz-delete-marker": "true", "x-amz-version-id": marker.version_id}
    if by_version:
        code, message = "MethodNotAllowed", "The specified method is not allowed against this resource."
        answer = fault("s3", {}, 405, code, message)
        shown |= {"Allow": "DELETE", "Last-Modified": http_date(marker.last_modified)}
    else:
        answer = fault("s3", {}, 404, "NoSuchKey", "The specified key does not exist.")
    return answer.status, {**answer.headers, **shown}, answer.body


_installing = threading.Lock()


def install(files: ObjectFiles) -> None:
    """Replace moto's classes by the ones here, which store bytes in ``files``."""
    with _installing:
        patched_s3_models.state.files = files
        patched_s3_models.state.changes = S3Changes()
        # moto keeps every instance for its dashboard, which would be a memory leak.
        common_models.BaseModel.__new__ = staticmethod(_without_tracking)
        models.FakeKey = FileKey
        models.FakeMultipart = Upload
        models.FakeBucket = FileBucket
        models.s3_backends.backend = Backend
        responses.FakeKey = FileKey
        responses.compute_checksum = _compute_checksum
        responses.S3Response = S3Response
        importlib.reload(urls)  # it imported the class by name


def _without_tracking(cls: type[Any], *arguments: Any, **named: Any) -> Any:
    return object.__new__(cls)


def _compute_checksum(body: Any, algorithm: str, encode_base64: bool = True) -> bytes:
    blocks = body.blocks() if isinstance(body, FileSlice) else [body]
    result = checksum_text(algorithm.upper(), blocks)
    if result is None or not encode_base64:
        raise Refusal(501, "NotImplemented", f"The emulator cannot compute {algorithm} checksums")
    return result.encode()
