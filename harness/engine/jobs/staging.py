"""Staging: S3 objects into a job's folder before it starts, its results to S3 after it ended."""

from __future__ import annotations

import gzip
import json
import mimetypes
import os
import random
import tempfile
import zlib
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from harness.contract.layout import Input, JobPlan, Output, relative_key
from harness.engine.jobs.archives import pack
from harness.engine.jobs.failures import JobFailed
from harness.kernel.job_files import JobFile, NotRegular, TooDeep, walk
from harness.kernel.s3uri import S3Uri
from harness.kernel.safe_paths import UnsafeName, below
from harness.kernel.unpacking import TooLarge, check_size, copy_limited, size_limit, unpacked_limit
from harness.stores.objects import BucketMissing, ObjectMissing, ObjectStore

IGNORED = ".sagemaker-ignore"
METRICS_LIMIT = 64 << 20
"""Bytes of a file of metrics that are read."""
LARGEST_MANIFEST = 64 << 20
"""Bytes of a manifest, which is parsed in memory."""
LONGEST_KEY = 1024
"""Bytes of an S3 key (Amazon S3 User Guide, "Naming Amazon S3 objects")."""


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
        problem = f"Data download failed for {item.name!r}"
        download_all(objects, share_of(sources(objects, item), item), folder, problem, item.gunzip)


def download_all(
    objects: ObjectStore,
    listed: Iterator[tuple[S3Uri, str]],
    folder: Path,
    problem: str,
    gunzip: bool = False,
) -> None:
    """Copy objects to their paths below a folder. ``JobFailed``, beginning with ``problem``, if one cannot be had."""
    try:
        for uri, name in listed:
            path = below(folder, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            _download(objects, uri, path, gunzip)
    except (BucketMissing, ObjectMissing) as error:
        raise JobFailed(f"ClientError: {problem}: {error}") from error
    except (UnsafeName, TooLarge) as error:
        raise JobFailed(f"ClientError: {problem}: {uri} cannot be a file here: {error}") from error
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise JobFailed(f"ClientError: {problem}: {uri} is not gzip: {error}") from error
    except (FileExistsError, IsADirectoryError, NotADirectoryError) as error:
        why = f"the key of {uri} is also the folder of another one, which a file system cannot hold"
        raise JobFailed(f"ClientError: {problem}: {why}") from error


def share_of(listed: Iterator[tuple[S3Uri, str]], item: Input) -> Iterator[tuple[S3Uri, str]]:
    """This host's share of the objects, in the order of their keys or shuffled."""
    first, step = item.share
    if step == 1:
        return listed
    ordered = sorted(listed, key=str)
    if item.seed is not None:
        random.Random(item.seed).shuffle(ordered)
    return islice(iter(ordered), first, None, step)


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
        info = objects.head(uri)
        if info is not None and info.size > LARGEST_MANIFEST:
            raise JobFailed(f"ClientError: Manifest file {uri} has more than {LARGEST_MANIFEST:,} bytes")
        head, *keys = json.loads(objects.read(uri))
        prefix = S3Uri.parse(head["prefix"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        expected = 'a JSON array that starts with {"prefix": "s3://bucket/path/"}'
        raise JobFailed(f"ClientError: Manifest file {uri} is not {expected}: {error}") from error
    for key in keys:
        if not isinstance(key, str):
            raise JobFailed(f"ClientError: Manifest file {uri}: {key!r} is not the text of a key")
        yield S3Uri(prefix.bucket, prefix.key + key), key


def _download(objects: ObjectStore, uri: S3Uri, path: Path, gunzip: bool) -> None:
    if not gunzip:
        objects.download(uri, path)
        return
    info = objects.head(uri)
    limit = unpacked_limit(info.size if info else 0, path.parent)
    with objects.open(uri) as packed, gzip.open(packed) as source, path.open("wb") as target:
        copy_limited(source, target.write, limit)


def stage_out(objects: ObjectStore, outputs: tuple[Output, ...], root: Path) -> None:
    """Upload what the program left. Links are not followed, empty folders make nothing."""
    for output in outputs:
        files = sorted(output_files(root, output))
        if not files:
            continue
        if not objects.bucket_exists(output.uri.bucket):
            raise JobFailed(f"ClientError: The specified bucket does not exist: {output.uri.bucket}")
        if output.archive:
            # Outside the root, and without a name: the program could have put a link where the archive is written.
            with tempfile.TemporaryFile(dir=root.parent) as archive:
                pack(((_name_below(file, output), _open_result(file)) for file in files), archive)
                archive.seek(0)
                objects.upload(archive, output.uri, "application/x-tar")
        else:
            for file in files:
                upload_result(objects, file, output)


def upload_result(objects: ObjectStore, file: JobFile, output: Output) -> None:
    """Upload one file; nothing if it is gone or was exchanged for something that is no regular file."""
    kind = mimetypes.guess_type(file.name.rpartition("/")[2])[0] or "binary/octet-stream"
    stream = _open_result(file)
    if stream is not None:
        with stream:
            objects.upload(stream, result_uri(file, output), kind)


def _open_result(file: JobFile) -> BinaryIO | None:
    """Open a result that is still there. ``JobFailed`` if it is a huge file of little content."""
    try:
        stream = file.open()
    except (FileNotFoundError, NotRegular):
        return None
    facts = os.fstat(stream.fileno())
    try:
        check_size(facts.st_size, size_limit(facts.st_blocks * 512))
    except TooLarge as error:
        stream.close()
        raise JobFailed(f"ClientError: {file.name[:200]!r} has holes and cannot be uploaded: {error}") from error
    return stream


def result_uri(file: JobFile, output: Output) -> S3Uri:
    """Return where a file is uploaded to. ``JobFailed`` if its name can be no key."""
    name = _name_below(file, output)
    uri = output.uri.join(name)
    try:
        long = len(uri.key.encode()) > LONGEST_KEY
    except UnicodeEncodeError:
        raise JobFailed(f"ClientError: {name[:200]!r} cannot be uploaded: a key must be valid UTF-8") from None
    if long:
        raise JobFailed(f"ClientError: {name[:200]!r} cannot be uploaded: a key has at most {LONGEST_KEY} bytes")
    return uri


def _name_below(file: JobFile, output: Output) -> str:
    return file.name.removeprefix(f"{output.path}/")


def output_files(root: Path, output: Output) -> Iterator[JobFile]:
    for file in result_files(root, output.path):
        if not (output.mirror and file.name.endswith(IGNORED)):
            yield file


def result_files(root: Path, folder: str) -> Iterator[JobFile]:
    """Yield the regular files below a folder of the program; nothing when it put a link in the folder's place."""
    try:
        yield from walk(root, folder)
    except TooDeep as error:
        raise JobFailed(f"ClientError: The results of the job cannot be read: {error}") from error
