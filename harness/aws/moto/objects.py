"""``ObjectStore`` on moto's buckets and their files, in this process and without HTTP."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

from harness.aws.moto.dispatch import LOCK
from harness.aws.wire.object_files import FileSlice, ObjectFiles, ReceivedFile, copy_range
from harness.kernel.s3uri import S3Uri
from harness.stores.objects import BucketMissing, ObjectInfo, ObjectMissing


class MotoObjects:
    """The objects of one account. Every method waits until the backend is loaded."""

    def __init__(self, account: str, region: str, parts: Callable[[], tuple[ObjectFiles, Any]]) -> None:
        self._account = account
        self._region = region
        self._parts = parts

    def list(self, prefix: S3Uri) -> Iterator[ObjectInfo]:
        with self._moto() as models:
            bucket = self._bucket(models, prefix.bucket)
            latest = [(name, bucket.keys[name]) for name in bucket.keys.sorted.beginning_with(prefix.key)]
        for name, key in [(name, key) for name, key in latest if isinstance(key, models.FileKey)]:
            yield _info(S3Uri(prefix.bucket, name), key)

    def head(self, uri: S3Uri) -> ObjectInfo | None:
        with self._moto() as models:
            key = models.find_key(self._bucket(models, uri.bucket), uri.key)
            return _info(uri, key) if key is not None else None

    def read(self, uri: S3Uri) -> bytes:
        with self._retain(uri) as piece:
            return piece.read()

    def open(self, uri: S3Uri) -> BinaryIO:
        with self._retain(uri) as piece:  # an object is always a whole file, and an open file may be unlinked
            return piece.file.path.open("rb")

    def download(self, uri: S3Uri, path: Path) -> None:
        with self._retain(uri) as piece, path.open("wb", buffering=0) as target:
            copy_range(piece, target.fileno())

    def write(self, uri: S3Uri, data: bytes, content_type: str = "binary/octet-stream") -> None:
        files, _ = self._parts()
        self._put(uri, files.write(data), content_type)

    def upload(self, source: Path | BinaryIO, uri: S3Uri, content_type: str = "binary/octet-stream") -> None:
        files, _ = self._parts()
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
            arrived = files.upload(stream)
        self._put(uri, arrived, content_type)

    def delete(self, uri: S3Uri) -> None:
        with self._moto() as models:
            self._bucket(models, uri.bucket)
            self._backend(models).delete_object(uri.bucket, uri.key)
            self._save()

    def bucket_exists(self, bucket: str) -> bool:
        with self._moto() as models:
            return models.find_bucket(bucket) is not None

    def create_bucket(self, bucket: str) -> None:
        with self._moto() as models:
            if models.find_bucket(bucket) is None:
                self._backend(models).create_bucket(bucket, self._region)
                self._save()

    def tags(self, uri: S3Uri) -> Mapping[str, str]:
        with self._moto() as models:
            key = self._key(models, uri)
            tags: dict[str, str] = self._backend(models).tagger.get_tag_dict_for_resource(key.arn)
            return tags

    def _put(self, uri: S3Uri, arrived: ReceivedFile, content_type: str) -> None:
        try:
            with self._moto() as models:
                self._bucket(models, uri.bucket)
                key = self._backend(models).put_object(uri.bucket, uri.key, arrived)
                key.set_metadata({"Content-Type": content_type})
                self._save()
        finally:
            arrived.discard()

    @contextlib.contextmanager
    def _retain(self, uri: S3Uri) -> Iterator[FileSlice]:
        with self._moto() as models:
            piece: FileSlice = self._key(models, uri).value
            piece.file.hold()
        try:
            yield piece
        finally:
            piece.file.release()

    def _key(self, models: Any, uri: S3Uri) -> Any:
        key = models.find_key(self._bucket(models, uri.bucket), uri.key)
        if key is None:
            raise ObjectMissing(uri)
        return key

    def _bucket(self, models: Any, name: str) -> Any:
        bucket = models.find_bucket(name)
        if bucket is None:
            raise BucketMissing(name)
        return bucket

    def _backend(self, models: Any) -> Any:
        return models.backend(self._account, self._region)

    def _save(self) -> None:
        _, ledger = self._parts()
        ledger.commit()

    @contextlib.contextmanager
    def _moto(self) -> Iterator[Any]:
        """Yield moto's S3 models, loaded and locked."""
        _, ledger = self._parts()
        from harness.aws.moto import patched_s3_models

        with LOCK:
            try:
                yield patched_s3_models
            except BaseException:
                ledger.take_back()
                raise


def _info(uri: S3Uri, key: Any) -> ObjectInfo:
    from harness.aws.moto.s3_persistence import seconds

    return ObjectInfo(uri, key.size, key.etag.strip('"'), seconds(key.last_modified))
