"""``ObjectStore`` over the S3 API. A small object is one request; a large one is several parallel requests."""

from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, cast

from harness.kernel.s3uri import S3Uri
from harness.stores.objects import BucketMissing, ObjectInfo, ObjectMissing

LARGE = 32 * 1024 * 1024
PART = 16 * 1024 * 1024
THREADS = 8
BLOCK = 1024 * 1024
NO_LOCATION = "us-east-1"
_MISSING = ("NoSuchKey", "404", "NotFound")


class RemoteObjects:
    """The objects of one account. ``client`` returns its S3 client, and waits until there is one."""

    def __init__(self, client: Callable[[], Any], region: str, created: Callable[[str], None]) -> None:
        self._client = client
        self._region = region
        self._created = created

    def list(self, prefix: S3Uri) -> Iterator[ObjectInfo]:
        pages = self._client().get_paginator("list_objects_v2").paginate(Bucket=prefix.bucket, Prefix=prefix.key)
        with self._errors(prefix):
            for page in pages:
                for answer in page.get("Contents", ()):
                    uri = S3Uri(prefix.bucket, answer["Key"])
                    yield ObjectInfo(uri, answer["Size"], _etag(answer), answer["LastModified"].timestamp())

    def head(self, uri: S3Uri) -> ObjectInfo | None:
        try:
            with self._errors(uri):
                answer = self._client().head_object(Bucket=uri.bucket, Key=uri.key)
        except ObjectMissing:
            return None
        return ObjectInfo(uri, answer["ContentLength"], _etag(answer), answer["LastModified"].timestamp())

    def read(self, uri: S3Uri) -> bytes:
        with self.open(uri) as stream:
            return stream.read()

    def open(self, uri: S3Uri) -> BinaryIO:
        with self._errors(uri):
            body = self._client().get_object(Bucket=uri.bucket, Key=uri.key)["Body"]
        return cast("BinaryIO", io.BufferedReader(body, BLOCK))

    def download(self, uri: S3Uri, path: Path) -> None:
        with self._errors(uri):
            client = self._client()
            answer = client.get_object(Bucket=uri.bucket, Key=uri.key)
            if answer["ContentLength"] <= LARGE:
                with contextlib.closing(answer["Body"]) as body, path.open("wb") as target:
                    shutil.copyfileobj(body, target, BLOCK)
                return
            answer["Body"].close()
            client.download_file(uri.bucket, uri.key, str(path), Config=_transfer())

    def write(self, uri: S3Uri, data: bytes, content_type: str = "binary/octet-stream") -> None:
        with self._errors(uri):
            self._client().put_object(Bucket=uri.bucket, Key=uri.key, Body=data, ContentType=content_type)

    def upload(self, source: Path | BinaryIO, uri: S3Uri, content_type: str = "binary/octet-stream") -> None:
        extra = {"ContentType": content_type}
        with contextlib.ExitStack() as stack:
            stream = stack.enter_context(source.open("rb")) if isinstance(source, Path) else source
            stack.enter_context(self._errors(uri))
            self._client().upload_fileobj(stream, uri.bucket, uri.key, ExtraArgs=extra, Config=_transfer())

    def delete(self, uri: S3Uri) -> None:
        with contextlib.suppress(ObjectMissing), self._errors(uri):
            self._client().delete_object(Bucket=uri.bucket, Key=uri.key)

    def bucket_exists(self, bucket: str) -> bool:
        from botocore.exceptions import ClientError

        try:
            self._client().head_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == 404:
                return False
            raise
        return True

    def create_bucket(self, bucket: str) -> None:
        if self.bucket_exists(bucket):
            return
        where: dict[str, Any] = {}
        if self._region != NO_LOCATION:
            where["CreateBucketConfiguration"] = {"LocationConstraint": self._region}
        client = self._client()
        with contextlib.suppress(client.exceptions.BucketAlreadyOwnedByYou):
            client.create_bucket(Bucket=bucket, **where)
            self._created(bucket)

    def tags(self, uri: S3Uri) -> Mapping[str, str]:
        with self._errors(uri):
            answer = self._client().get_object_tagging(Bucket=uri.bucket, Key=uri.key)
        return {tag["Key"]: tag["Value"] for tag in answer["TagSet"]}

    @contextlib.contextmanager
    def _errors(self, uri: S3Uri) -> Iterator[None]:
        """Turn S3's errors into those of ``ObjectStore``.

        After a HEAD, check whether the bucket or the key is missing.
        """
        from boto3.exceptions import S3UploadFailedError
        from botocore.exceptions import ClientError

        try:
            yield
        except (ClientError, S3UploadFailedError) as error:
            refusal = error if isinstance(error, ClientError) else error.__context__
            code = refusal.response["Error"]["Code"] if isinstance(refusal, ClientError) else ""
            if code == "NoSuchBucket" or (code in _MISSING and not self.bucket_exists(uri.bucket)):
                raise BucketMissing(uri.bucket) from error
            if code in _MISSING:
                raise ObjectMissing(uri) from error
            raise


def _etag(answer: Mapping[str, Any]) -> str:
    return str(answer["ETag"]).strip('"')


@cache
def _transfer() -> Any:
    from boto3.s3.transfer import TransferConfig

    return TransferConfig(multipart_threshold=LARGE, multipart_chunksize=PART, max_concurrency=THREADS)
