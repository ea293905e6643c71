"""The container's file layout as values: what a job finds below its root at the start, what is taken from it after.

Paths here are relative to the root (``/opt/ml`` inside). Pure: the engine's staging does the copying.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.kernel.s3uri import S3Uri
from harness.kernel.safe_paths import UnsafeName, safe_parts
from harness.runners.spec import RunSpec

_ROOT_PARTS = ("opt", "ml")


@dataclass(frozen=True)
class Input:
    """Objects to copy below ``path`` before the start. ``kind``: S3Prefix or ManifestFile."""

    name: str
    uri: S3Uri
    path: str
    kind: str = "S3Prefix"
    gunzip: bool = False
    share: tuple[int, int] = (0, 1)
    """``(i, n)``: of the objects in order, every n-th from the i-th on."""


@dataclass(frozen=True)
class Output:
    """A folder to upload: file by file below ``uri``, or as one ``tar.gz`` object when ``archive``."""

    name: str
    path: str
    uri: S3Uri
    archive: bool = False
    continuous: bool = False
    mirror: bool = False
    """What the program deletes is deleted below ``uri`` as well; files ``*.sagemaker-ignore`` are its own affair."""


@dataclass(frozen=True)
class JobPlan:
    """Everything a job needs: files and folders to make, inputs, the program, outputs."""

    run: RunSpec
    files: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    outputs: tuple[Output, ...] = ()
    others: tuple[JobPlan, ...] = ()
    """What the other hosts need, where there are several; each has a root of its own."""


def below_root(path: str) -> str | None:
    """An absolute container path as relative to ``/opt/ml``; None when it is elsewhere, climbs out or is all of it."""
    try:
        parts = safe_parts(path)
    except UnsafeName:
        return None
    top = len(_ROOT_PARTS)
    if not path.startswith("/") or parts[:top] != _ROOT_PARTS or len(parts) == top:
        return None
    return "/".join(parts[top:])


def channel_path(name: str) -> str:
    """The folder of a channel relative to ``/opt/ml``."""
    return "/".join(("input", "data", *safe_parts(name)))


def relative_key(prefix: str, key: str) -> str:
    """Where an object found under an S3 prefix goes below its folder.

    A folder-style prefix keeps the tree below it; a prefix that is one object gives its base name; a prefix that ends
    in the middle of a name keeps the path relative to its last slash (undocumented on AWS; the guide's advice).
    """
    if key == prefix:
        return key.rsplit("/", 1)[-1]
    if key.startswith(prefix.rstrip("/") + "/"):
        return key[len(prefix.rstrip("/")) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def to_json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))
