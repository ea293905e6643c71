"""The file layout of a container as values: the files that a job starts with, and those that are uploaded after it.

Paths are relative to the job's root, which is ``/opt/ml`` in the container. The engine's staging copies the files.
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
    """Objects to copy below ``path`` before the job starts. ``kind`` is S3Prefix or ManifestFile.

    It is AugmentedManifestFile only for the source of a ``Pipe``.
    """

    name: str
    uri: S3Uri
    path: str
    kind: str = "S3Prefix"
    gunzip: bool = False
    share: tuple[int, int] = (0, 1)
    """``(i, n)``: copy every n-th object, beginning with the i-th (S3DataDistributionType ShardedByS3Key)."""
    seed: int | None = None
    """The seed by which the objects are shuffled before they are divided (ShuffleConfig)."""


@dataclass(frozen=True)
class Pipe:
    """A channel in Pipe mode: FIFOs ``<channel>_0``, ``<channel>_1``, … in ``folder``, one for each epoch."""

    channel: str
    folder: str
    source: Input
    wrapped: bool = False
    """True if each object, or each attribute, is one RecordIO record (RecordWrapperType)."""
    attributes: tuple[str, ...] = ()
    """The attributes that are read of each line of an augmented manifest."""


@dataclass(frozen=True)
class Output:
    """A folder to upload: file by file below ``uri``, or as one ``tar.gz`` object if ``archive`` is set."""

    name: str
    path: str
    uri: S3Uri
    archive: bool = False
    continuous: bool = False
    mirror: bool = False
    """True if files that the program deletes are deleted below ``uri`` too.

    ``*.sagemaker-ignore`` files are skipped.
    """


@dataclass(frozen=True)
class JobPlan:
    """Everything that a job needs: files and folders to create, inputs, program, outputs."""

    run: RunSpec
    files: Mapping[str, str] = field(default_factory=dict)
    folders: tuple[str, ...] = ()
    inputs: tuple[Input, ...] = ()
    pipes: tuple[Pipe, ...] = ()
    outputs: tuple[Output, ...] = ()
    others: tuple[JobPlan, ...] = ()
    """The plans of the other hosts, if there are several. Each has its own root."""


def below_root(path: str) -> str | None:
    """Return an absolute container path relative to ``/opt/ml``. None for ``/opt/ml`` itself and paths not below it."""
    try:
        parts = safe_parts(path)
    except UnsafeName:
        return None
    top = len(_ROOT_PARTS)
    if not path.startswith("/") or parts[:top] != _ROOT_PARTS or len(parts) == top:
        return None
    return "/".join(parts[top:])


def channel_path(name: str) -> str:
    """Return the folder of a channel, relative to ``/opt/ml``."""
    return "/".join(("input", "data", *safe_parts(name)))


def relative_key(prefix: str, key: str) -> str:
    """Return the path of an object of an S3 prefix, relative to the folder of the input.

    Below a prefix that is a folder, the tree is kept. A prefix that is one object gives its base name. Below a prefix
    that ends inside a name, the path is relative to the prefix's last slash (assumed: AWS does not document it).
    """
    if key == prefix:
        return key.rsplit("/", 1)[-1]
    if key.startswith(prefix.rstrip("/") + "/"):
        return key[len(prefix.rstrip("/")) + 1 :]
    return key[prefix.rfind("/") + 1 :]


def to_json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))
