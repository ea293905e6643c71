"""Staging: S3 objects into a job's folder before it starts, its results to S3 after it ended."""

from __future__ import annotations

import gzip
import json
import mimetypes
import shutil
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path, PurePosixPath

from harness.contract.layout import Input, JobPlan, Output, relative_key
from harness.engine.archives import pack
from harness.engine.failures import JobFailed
from harness.kernel.s3uri import S3Uri
from harness.stores.objects import BucketMissing, ObjectMissing, ObjectStore

IGNORED = ".sagemaker-ignore"
LONGEST_NAME = 255


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
            for uri, name in shared(sources(objects, item), item):
                _fetch_named(objects, uri, _place(folder, name, uri), item)
        except (BucketMissing, ObjectMissing) as error:
            raise JobFailed(f"ClientError: Data download failed for {item.name!r}: {error}") from error


def _fetch_named(objects: ObjectStore, uri: S3Uri, path: Path, item: Input) -> None:
    """Fetch one object; an error of its name is reported with its key, not with a path of this machine."""
    try:
        _fetch(objects, uri, path, item.gunzip)
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        why = "a key of the input is also the folder of another one, which a file system cannot hold"
        raise JobFailed(f"ClientError: Data download failed for {item.name!r}: {why}: {uri}") from error


def shared(found: Iterator[tuple[S3Uri, str]], item: Input) -> Iterator[tuple[S3Uri, str]]:
    """This host's share of the objects, in the order of their keys."""
    first, step = item.share
    return islice(iter(sorted(found, key=str)), first, None, step) if step > 1 else found


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
        if not isinstance(key, str):
            raise JobFailed(f"ClientError: Manifest file {uri}: {key!r} is not the text of a key")
        yield S3Uri(prefix.bucket, prefix.key + key), key


def _place(folder: Path, name: str, uri: S3Uri) -> Path:
    """A key is any text: one that climbs out of the input's folder would be written onto the host."""
    if ".." in PurePosixPath(name).parts:
        raise JobFailed(f"ClientError: Data download failed: the key of {uri} has a part '..', which is no file's name")
    refuse_long_names(name, uri)
    return folder / name.lstrip("/")


def refuse_long_names(name: str, uri: S3Uri) -> None:
    """Refuse a key with a part that no file can be named: 255 bytes is the limit on the instances of AWS as well."""
    longest = max(len(part.encode()) for part in name.split("/"))
    if longest > LONGEST_NAME:
        raise JobFailed(
            f"ClientError: Data download failed: File name too long: the key of {str(uri)[:500]} has a part of "
            f"{longest} bytes; a file name has at most {LONGEST_NAME}"
        )


def _fetch(objects: ObjectStore, uri: S3Uri, path: Path, gunzip: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not gunzip:
        objects.download(uri, path)
        return
    try:
        with objects.open(uri) as packed, gzip.open(packed) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise JobFailed(f"ClientError: Data download failed: {uri} is not gzip: {error}") from error


def stage_out(objects: ObjectStore, outputs: tuple[Output, ...], root: Path) -> None:
    """Upload what the program left. Links are not followed, empty folders make nothing."""
    for output in outputs:
        files = sorted(output_files(root, output))
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
                upload_result(objects, file, root, output)


def upload_result(objects: ObjectStore, file: Path, root: Path, output: Output) -> None:
    kind = mimetypes.guess_type(file.name)[0] or "binary/octet-stream"
    objects.upload(file, result_uri(file, root, output), kind)


def result_uri(file: Path, root: Path, output: Output) -> S3Uri:
    return output.uri.join(file.relative_to(root / output.path).as_posix())


def output_files(root: Path, output: Output) -> Iterator[Path]:
    for file in result_files(root, output.path):
        if not (output.mirror and file.name.endswith(IGNORED)):
            yield file


def own_file(root: Path, name: str) -> Path | None:
    """A regular file the program left below its root; a link could show it what lies outside."""
    file = root / name
    if not file.is_file() or file.is_symlink() or not file.resolve().is_relative_to(root.resolve()):
        return None
    return file


def result_files(root: Path, name: str) -> Iterator[Path]:
    """The regular files below a folder of the program; nothing when it put a link in the folder's place."""
    folder = root / name
    if folder.is_dir() and folder.resolve() == root.resolve() / name:
        yield from (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
