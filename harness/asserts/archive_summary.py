"""Summaries of archives and S3 prefixes: names, sizes and kinds of their files, enough to compare two runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from harness.asserts.objects import bucket_and_key

MOST = 200
"""The largest number of files in one summary."""
_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"PAR1": "parquet",
    b"\x89HDF": "hdf5",
    b"binf": "xgboost binary",
    b"\x80": "pickle",
}


def below(s3: Any, prefix: str) -> list[dict[str, Any]]:
    """Summarise the objects under a prefix, with names relative to it."""
    bucket, start = bucket_and_key(prefix)
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=start)
    objects = [(each["Key"], each["Size"]) for page in pages for each in page.get("Contents", [])]
    return [
        {"name": key.removeprefix(start).lstrip("/") or key.rpartition("/")[2], "bytes": size}
        for key, size in objects[:MOST]
    ]


def within(members: Mapping[str, bytes]) -> list[dict[str, Any]]:
    """Summarise the files of an archive."""
    listed = sorted(members.items())[:MOST]
    return [{"name": name, "bytes": len(body), "kind": kind_of(body)} for name, body in listed]


def kind_of(body: bytes) -> str:
    """Return the kind of a file, from its content: names say little, and a model can have several formats."""
    if not body:
        return "empty"
    for magic, kind in _MAGIC.items():
        if body.startswith(magic):
            return kind
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return "ubjson" if body[:1] == b"{" else "binary"
    if text[0] in "{[":
        try:
            json.loads(text)
        except ValueError:
            return "ubjson" if "\0" in text and text[0] == "{" else "text"
        return "json"
    columns = {line.count(",") + 1 for line in text.splitlines()}
    return f"csv of {columns.pop()} columns" if len(columns) == 1 and columns != {1} else "text"
