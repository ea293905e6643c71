"""Checks browser uploads (POST Object): a form with a key and one file, sent to a bucket.

The messages are those of the S3 user guide's page on browser-based uploads, and of S3 itself.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

from harness.aws.moto.s3_arguments import CANNED_ACLS, LONGEST_KEY, invalid
from harness.aws.wire.error_responses import Refusal
from harness.aws.wire.s3_requests import S3Request

FORM = "multipart/form-data"
CREATED = 201


def check_post(request: S3Request) -> None:
    """Refuse a POST that is neither an operation of its own nor a form, before its body is looked at."""
    if request.method != "POST" or any(name in request.query for name in ("delete", "uploads", "uploadId", "restore")):
        return
    if request.key or not request.bucket:
        raise Refusal(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
    if not request.headers.get("content-type", "").lower().startswith(FORM):
        raise Refusal(412, "PreconditionFailed", f"Bucket POST must be of the enclosure-type {FORM}")


def check_form(request: Any) -> None:
    """Refuse a form whose fields S3 does not take; ``request`` is moto's, which has parsed it."""
    fields = {name.lower(): value for name, value in request.form.items()}
    if not fields.get("key"):
        raise invalid(
            "Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields."
        )
    files = request.files.getlist("file")
    if len(files) + ("file" in fields) != 1 or len(request.files) != len(files):
        raise invalid("POST requires exactly one file upload per request.")
    if len(fields["key"].encode(errors="replace")) > LONGEST_KEY:
        raise Refusal(400, "KeyTooLongError", "Your key is too long")
    if fields.get("acl") and fields["acl"] not in CANNED_ACLS:
        raise invalid(f"{fields['acl']!r} is no canned ACL; S3 knows {', '.join(sorted(CANNED_ACLS))}")
    for name, value in fields.items():
        if name not in ("file", "policy") and any(ord(letter) < 32 for letter in value):
            raise invalid(f"The field {name} holds a control character")
    _check_redirect(fields.get("success_action_redirect", ""))


def _check_redirect(address: str) -> None:
    try:
        urlsplit(address)
    except ValueError:
        raise invalid("success_action_redirect is no address") from None


def form_status(status: Any) -> int:
    """Return the status of the answer: what S3 does not know of ``success_action_status`` is 204."""
    return int(status) if str(status) in ("200", str(CREATED), "303") else 204


def created_document(bucket: str, key: str, etag: str) -> str:
    """Return the document of an upload that was to be answered with 201."""
    location = escape(f"/{bucket}/{key}")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<PostResponse><Location>{location}</Location><Bucket>{escape(bucket)}</Bucket>"
        f"<Key>{escape(key)}</Key><ETag>{escape(etag)}</ETag></PostResponse>"
    )
