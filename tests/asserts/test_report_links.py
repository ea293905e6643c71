"""A report's links to objects, as a browser opens them: without credentials."""

from __future__ import annotations

import urllib.error
import urllib.request

import pytest

from harness.report.links import signed_links
from tests.cloud import BUCKET, Cloud


def read(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=10) as answer:
        body: bytes = answer.read()
        return body


def test_links_open_without_credentials_and_bare_addresses_do_not(cloud: Cloud) -> None:
    link = signed_links(cloud.address, "us-east-1", "123456789012", "harness")
    for key in ("links/model.tar.gz", "links/a b+c=ü&d.csv"):
        assert read(link(cloud.put(key, "content"))) == b"content"
    listing = read(link(f"s3://{BUCKET}/links/a b"))
    assert b"<Key>links/a b+c=" in listing
    assert b"model.tar.gz" not in listing
    with pytest.raises(urllib.error.HTTPError, match="403"):
        read(link(f"s3://{BUCKET}/links/model.tar.gz").partition("?")[0])


def test_what_is_no_object_has_no_link() -> None:
    link = signed_links("http://127.0.0.1:4599", "us-east-1", "123456789012", "harness")
    assert [link(uri) for uri in ("javascript:alert(1)", "https://b/key", "s3://", "")] == ["", "", "", ""]
