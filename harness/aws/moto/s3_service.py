"""S3 on moto: bytes are streamed between network and files, moto does the rest, changes are saved before the answer.

moto's lock is retain_files while moto works and rows are written, never while bytes of objects are copied.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from multidict import CIMultiDict

from harness.aws.moto import patched_s3_models
from harness.aws.moto.dispatch import LOCK, MotoAnswer, MotoCall, failure, response, response_headers, run
from harness.aws.moto.patched_s3_handlers import BODY
from harness.aws.moto.s3_arguments import check_arguments, without_unusable
from harness.aws.moto.s3_documents import check_document
from harness.aws.moto.s3_forms import check_post
from harness.aws.moto.s3_persistence import ObjectLedger
from harness.aws.wire.error_responses import Refusal, full_disk
from harness.aws.wire.incoming import Incoming, Unchunked, check_md5, is_chunked
from harness.aws.wire.object_files import FileSlice, ObjectFiles, ReceivedFile, StoredFile, retain_files
from harness.aws.wire.s3_requests import S3Request, listed_parts
from harness.kernel.http import FileBody, Request, Response

GATHER = 1024 * 1024
MAX_DOCUMENT = 4 * 1024 * 1024
"""The most bytes of an XML document: twice the limit of S3 for DeleteObjects, which has the longest."""
MAX_FORM = 64 * 1024 * 1024
"""The most bytes of a browser form with its file."""


@dataclass(frozen=True)
class RetainedFileBody(FileBody):
    """A body that keeps its file on disk while the answer is sent, even if the object is replaced."""

    file: StoredFile

    def __post_init__(self) -> None:
        self.file.hold()

    def __del__(self) -> None:
        self.file.release()


@dataclass(frozen=True)
class Prepared:
    """The bytes copied for one request to a multipart upload."""

    upload: patched_s3_models.Upload
    what: patched_s3_models.Assembly | ReceivedFile
    whole: ReceivedFile


class S3Service:
    def __init__(self, files: ObjectFiles, ledger: ObjectLedger, pool: Executor) -> None:
        self._files = files
        self._ledger = ledger
        self._pool = pool

    async def handle(self, request: Request, account: str, region: str) -> Response:
        s3_request = S3Request.of(request)
        loop = asyncio.get_running_loop()
        headers = without_unusable(s3_request.headers)
        headers.pop("x-amz-content-sha256", None)  # describes framing that is removed before moto gets the body
        call = MotoCall("s3", s3_request.method, s3_request.target, headers, b"", account, region)
        try:
            check_arguments(s3_request)
            check_post(s3_request)
            if s3_request.uploads_bytes:
                incoming = await loop.run_in_executor(self._pool, self._admit, s3_request, account)
                rest = await self._receive(request, incoming, loop)
                return await loop.run_in_executor(self._pool, self._store, s3_request, call, incoming, rest)
            body = await _document(request, MAX_FORM if s3_request.is_form else MAX_DOCUMENT)
            check_md5(s3_request.headers, body)
            return await loop.run_in_executor(self._pool, self._answer, s3_request, call._replace(body=body))
        except _BodyInterrupted as error:
            raise error.cause from None
        except Exception as error:
            if isinstance(error, Refusal):
                await _drain(request)
            return failure(call, _explain_full_disk(error))

    # Uploads

    async def _receive(self, request: Request, incoming: Incoming, loop: asyncio.AbstractEventLoop) -> bytes:
        """Read the body to a file, a megabyte at a time. Return the rest, which the caller writes."""
        gathered = bytearray()
        try:
            async for block in _blocks(request):
                gathered += block
                if len(gathered) >= GATHER:
                    await loop.run_in_executor(self._pool, incoming.feed, bytes(gathered))
                    gathered.clear()
        except BaseException:
            incoming.abort()
            raise
        return bytes(gathered)

    def _admit(self, s3_request: S3Request, account: str) -> Incoming:
        """Refuse an upload that cannot succeed, before its bytes are received."""
        with LOCK:
            self._check_owners(s3_request, account)
            bucket = patched_s3_models.find_bucket(s3_request.bucket)
            if bucket is None:
                raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist")
            if "uploadId" in s3_request.query and s3_request.query["uploadId"] not in bucket.multiparts:
                raise Refusal(404, "NoSuchUpload", _NO_UPLOAD)
        return Incoming(self._files, s3_request.headers)

    def _store(self, s3_request: S3Request, call: MotoCall, incoming: Incoming, rest: bytes) -> Response:
        try:
            incoming.feed(rest)
            arrived = incoming.finish()
        except BaseException:
            incoming.abort()
            raise
        # moto reads checksums from headers only. These are verified here, and may have been trailers of the body.
        headers: CIMultiDict[str] = CIMultiDict(call.headers)
        for name, value in arrived.checksums.items():
            headers["x-amz-sdk-checksum-algorithm"] = name
            headers[f"x-amz-checksum-{name.lower()}"] = value
        try:
            return self._answer(s3_request, call._replace(headers=headers, environ={BODY: arrived}))
        finally:
            arrived.discard()

    # Everything else

    def _answer(self, s3_request: S3Request, call: MotoCall) -> Response:
        try:
            s3_request.refuse_unknown()
            call = call._replace(body=check_document(s3_request, call.body))
            with self._prepare(s3_request, call):
                self._check_owners(s3_request, call.account)
                return _response(call, self._run(s3_request, call))
        except Exception as error:
            return failure(call, _explain_full_disk(error))

    def _run(self, s3_request: S3Request, call: MotoCall) -> MotoAnswer:
        """Run moto's handler and save the changes. Revert them if moto refused the request."""
        try:
            answer = run(call)
        except BaseException:
            self._ledger.take_back()
            raise
        if answer.status < 400:
            self._save(s3_request)
        else:
            self._ledger.take_back()
        return answer

    @contextmanager
    def _prepare(self, s3_request: S3Request, call: MotoCall) -> Iterator[None]:
        """Copy the bytes that the request needs, then take moto's lock."""
        made: Prepared | None = None
        if s3_request.completes_upload:
            made = self._assemble(s3_request, call.body)
        elif s3_request.copies_part:
            made = self._copy_part(s3_request)
        if made is None:
            with LOCK:
                yield
            return
        try:
            with LOCK:
                made.upload.prepared = made.what
                try:
                    yield
                finally:
                    made.upload.prepared = None
        finally:
            made.whole.discard()

    def _assemble(self, s3_request: S3Request, body: bytes) -> Prepared | None:
        with ExitStack() as holding:
            with LOCK:
                bucket = patched_s3_models.find_bucket(s3_request.bucket)
                upload = bucket.multiparts.get(s3_request.query["uploadId"]) if bucket else None
                if upload is None:
                    return None  # moto answers that there is no such bucket or upload, or that it was completed before
                parts = upload.select_parts(listed_parts(body))
                pieces = [part.value for _, part in parts]
                holding.enter_context(retain_files(pieces))
            size = s3_request.headers.get("x-amz-mp-object-size")
            if size is not None and size != str(sum(map(len, pieces))):
                raise Refusal(400, "InvalidRequest", f"The parts do not make an object of {size} bytes")
            whole = self._files.join(pieces, etag="")
        return Prepared(upload, patched_s3_models.Assembly(parts, whole, upload.checksum(parts, whole)), whole)

    def _copy_part(self, s3_request: S3Request) -> Prepared | None:
        name, key, version = s3_request.copy_source()
        with ExitStack() as holding:
            with LOCK:
                bucket = patched_s3_models.find_bucket(s3_request.bucket)
                upload = bucket.multiparts.get(s3_request.query["uploadId"]) if bucket else None
                if upload is None:
                    return None  # moto answers
                origin = patched_s3_models.find_bucket(name)
                source = patched_s3_models.find_key(origin, key, version) if origin else None
                if source is None:
                    raise Refusal(404, "NoSuchKey" if origin else "NoSuchBucket", f"There is no {name}/{key} to copy")
                piece = _range(source.value, s3_request.headers.get("x-amz-copy-source-range"))
                holding.enter_context(retain_files([piece]))
            copied = self._files.duplicate(piece)
        return Prepared(upload, copied, copied)

    def _save(self, s3_request: S3Request) -> None:
        if s3_request.changes:
            if s3_request.key:
                self._ledger.touch(s3_request.bucket, s3_request.key, s3_request.query.get("versionId"))
            elif s3_request.bucket and "delete" not in s3_request.query:
                patched_s3_models.state.changes.buckets[s3_request.bucket] = None
        self._ledger.commit()

    def _check_owners(self, s3_request: S3Request, account: str) -> None:
        for header, bucket in (
            ("x-amz-expected-bucket-owner", s3_request.bucket),
            ("x-amz-source-expected-bucket-owner", s3_request.source_bucket),
        ):
            expected = s3_request.headers.get(header)
            answer = patched_s3_models.find_bucket(bucket) if expected else None
            if expected and expected != (answer.account_id if answer else account):
                raise Refusal(403, "AccessDenied", "Access Denied")


def _range(piece: FileSlice, text: str | None) -> FileSlice:
    """Return the slice to copy. Only a whole object whose ETag is its MD5 has an ETag already."""
    if text is not None:
        first, _, last = text.rpartition("=")[2].partition("-")
        if not (first.isdigit() and last.isdigit() and int(first) <= int(last) < len(piece)):
            raise Refusal(400, "InvalidArgument", f"The range {text} is not valid for a source of {len(piece)} bytes")
        return piece[int(first) : int(last) + 1]
    if piece.etag is not None and "-" in piece.etag:
        piece.etag = None
    return piece


_NO_UPLOAD = "The specified upload does not exist. It may have been aborted or completed."


def _explain_full_disk(error: Exception) -> Exception:
    """Return a clear error for a full disk, and other errors unchanged."""
    full = full_disk(error)
    return Refusal(full.status, "InternalError", full.message) if full else error


def _response(call: MotoCall, answer: MotoAnswer) -> Response:
    if not isinstance(answer.body, FileSlice):
        return response(call, answer)
    headers: CIMultiDict[str] = response_headers(answer, head=False)
    piece = answer.body
    body = RetainedFileBody(piece.file.path, piece.offset, piece.length, piece.file) if piece.length else b""
    return Response(answer.status, headers, body)


async def _document(request: Request, limit: int) -> bytes:
    gathered = bytearray()
    async for block in _blocks(request):
        gathered += block
        if len(gathered) > limit:
            raise Refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    if not is_chunked(request.headers):
        return bytes(gathered)
    return b"".join(Unchunked().feed(bytes(gathered)))


class _BodyInterrupted(Exception):
    """The body did not arrive. Holds the server's own exception, which the server handles."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    try:
        async for block in request.stream():
            yield block
    except Exception as error:
        raise _BodyInterrupted(error) from error


async def _drain(request: Request) -> None:
    """Read the rest of the body, so that the client sees the refusal and not a broken connection.

    A client that sent ``Expect: 100-continue`` has not sent its body, and must not be asked for it now.
    """
    if "expect" not in request.headers:
        async for _ in request.stream():
            pass
