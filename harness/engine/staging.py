"""Staging: S3 objects into a job's folder before it starts, its results to S3 after it ended."""

from __future__ import annotations

import gzip
import json
import mimetypes
import shutil
from collections.abc import Iterator
from pathlib import Path

from harness.contract.layout import Input, JobPlan, Output, relative_key
from harness.engine.archives import pack
from harness.engine.failures import JobFailed
from harness.kernel.s3uri import S3Uri
from harness.stores.objects import BucketMissing, ObjectMissing, ObjectStore


def lay_out(plan: JobPlan, root: Path) -> None:
    """The folders and configuration files a program finds when it starts."""
    for folder in plan.folders:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name, text in plan.files.items():
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def stage_in(objects: ObjectStore, inputs: tuple[Input, ...], root: Path) -> None:
    for item in inputs:
        folder = root / item.path
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for uri, name in sources(objects, item):
                _fetch(objects, uri, folder / name, item.gunzip)
        except (BucketMissing, ObjectMissing) as error:
            raise JobFailed(f"ClientError: Data download failed for {item.name!r}: {error}") from error


def sources(objects: ObjectStore, item: Input) -> Iterator[tuple[S3Uri, str]]:
    """The objects an input names, each with its path below the input's folder. Folder markers are passed over."""
    if item.kind == "ManifestFile":
        yield from _manifest(objects, item.uri)
        return
    for info in objects.list(item.uri):
        if not info.uri.key.endswith("/"):
            yield info.uri, relative_key(item.uri.key, info.uri.key)


def _manifest(objects: ObjectStore, uri: S3Uri) -> Iterator[tuple[S3Uri, str]]:
    try:
        head, *keys = json.loads(objects.read(uri))
        prefix = S3Uri.parse(head["prefix"])
    except (ValueError, KeyError, TypeError) as error:
        wanted = 'a JSON array that starts with {"prefix": "s3://bucket/path/"}'
        raise JobFailed(f"ClientError: Manifest file {uri} is not {wanted}: {error}") from error
    for key in keys:
        yield S3Uri(prefix.bucket, prefix.key + key), str(key).lstrip("/")


def _fetch(objects: ObjectStore, uri: S3Uri, path: Path, gunzip: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not gunzip:
        objects.download(uri, path)
        return
    with objects.open(uri) as packed, gzip.open(packed) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


def stage_out(objects: ObjectStore, outputs: tuple[Output, ...], root: Path) -> None:
    """Upload what the program left. Links are not followed, empty folders make nothing."""
    for output in outputs:
        files = sorted(result_files(root / output.path))
        if not files:
            continue
        if not objects.bucket_exists(output.uri.bucket):
            raise JobFailed(f"ClientError: The specified bucket does not exist: {output.uri.bucket}")
        if output.archive:
            archive = root / f".{output.name}.tar.gz"
            pack(root / output.path, files, archive)
            objects.upload(archive, output.uri, "application/x-tar")
            archive.unlink()
        else:
            for file in files:
                upload_result(objects, file, root / output.path, output.uri)


def upload_result(objects: ObjectStore, file: Path, folder: Path, uri: S3Uri) -> None:
    kind = mimetypes.guess_type(file.name)[0] or "binary/octet-stream"
    objects.upload(file, uri.join(file.relative_to(folder).as_posix()), kind)


def result_files(folder: Path) -> Iterator[Path]:
    if folder.is_dir():
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
