"""S3 in front of moto: bytes stream between wire and files, moto gets the rest, changes are saved before the answer.

moto's lock is held while moto thinks and rows are written, never while bytes move.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Executor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from multidict import CIMultiDict

from harness.aws.moto import patched_s3_models
from harness.aws.moto.dispatch import LOCK, MotoAnswer, MotoCall, failure, kept_headers, response, run
from harness.aws.moto.patched_s3_handlers import BODY
from harness.aws.moto.s3_arguments import check_arguments, without_unusable
from harness.aws.moto.s3_documents import checked_document
from harness.aws.moto.s3_forms import check_post
from harness.aws.moto.s3_persistence import ObjectLedger
from harness.aws.wire.error_responses import Refusal, full_disk
from harness.aws.wire.incoming import Incoming, Unchunked, check_md5, is_chunked
from harness.aws.wire.object_files import FileSlice, ObjectFiles, ReceivedFile, StoredFile, held
from harness.aws.wire.s3_requests import S3Request, listed_parts
from harness.kernel.http import FileBody, Request, Response

GATHER = 1024 * 1024
MAX_DOCUMENT = 4 * 1024 * 1024
"""Bytes of an XML document: twice what S3 takes of DeleteObjects, which has the longest."""
MAX_FORM = 64 * 1024 * 1024
"""Bytes of a browser form with its file."""


@dataclass(frozen=True)
class HeldFileBody(FileBody):
    """Keeps the file from going while the answer that carries it is alive, though its object may be replaced."""

    file: StoredFile

    def __post_init__(self) -> None:
        self.file.hold()

    def __del__(self) -> None:
        self.file.release()


@dataclass(frozen=True)
class Prepared:
    """What was copied for one request to a multipart upload."""

    upload: patched_s3_models.Upload
    what: patched_s3_models.Assembly | ReceivedFile
    whole: ReceivedFile


class S3Service:
    def __init__(self, files: ObjectFiles, ledger: ObjectLedger, pool: Executor) -> None:
        self._files = files
        self._ledger = ledger
        self._pool = pool

    async def handle(self, request: Request, account: str, region: str) -> Response:
        asked = S3Request.of(request)
        loop = asyncio.get_running_loop()
        headers = without_unusable(asked.headers)
        headers.pop("x-amz-content-sha256", None)  # speaks of a framing that is off when moto sees the body
        call = MotoCall("s3", asked.method, asked.target, headers, b"", account, region)
        try:
            check_arguments(asked)
            check_post(asked)
            if asked.uploads_bytes:
                incoming = await loop.run_in_executor(self._pool, self._admit, asked, account)
                rest = await self._receive(request, incoming, loop)
                return await loop.run_in_executor(self._pool, self._store, asked, call, incoming, rest)
            body = await _document(request, MAX_FORM if asked.is_form else MAX_DOCUMENT)
            check_md5(asked.headers, body)
            return await loop.run_in_executor(self._pool, self._answer, asked, call._replace(body=body))
        except _Broken as error:
            raise error.cause from None
        except Exception as error:
            if isinstance(error, Refusal):
                await _drain(request)
            return failure(call, _told(error))

    # Uploads

    async def _receive(self, request: Request, incoming: Incoming, loop: asyncio.AbstractEventLoop) -> bytes:
        """Read the body to a file, a megabyte at a time; the rest, often all, is returned to be fed with other work."""
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

    def _admit(self, asked: S3Request, account: str) -> Incoming:
        """Refuse before the bytes come what cannot succeed."""
        with LOCK:
            self._check_owners(asked, account)
            bucket = patched_s3_models.find_bucket(asked.bucket)
            if bucket is None:
                raise Refusal(404, "NoSuchBucket", "The specified bucket does not exist")
            if "uploadId" in asked.query and asked.query["uploadId"] not in bucket.multiparts:
                raise Refusal(404, "NoSuchUpload", _NO_UPLOAD)
        return Incoming(self._files, asked.headers)

    def _store(self, asked: S3Request, call: MotoCall, incoming: Incoming, rest: bytes) -> Response:
        try:
            incoming.feed(rest)
            arrived = incoming.finish()
        except BaseException:
            incoming.abort()
            raise
        # moto reads checksums from headers only; ours are verified, and trailers are gone with the framing.
        headers: CIMultiDict[str] = CIMultiDict(call.headers)
        for name, value in arrived.checksums.items():
            headers["x-amz-sdk-checksum-algorithm"] = name
            headers[f"x-amz-checksum-{name.lower()}"] = value
        try:
            return self._answer(asked, call._replace(headers=headers, environ={BODY: arrived}))
        finally:
            arrived.discard()

    # Everything else

    def _answer(self, asked: S3Request, call: MotoCall) -> Response:
        try:
            asked.refuse_unknown()
            call = call._replace(body=checked_document(asked, call.body))
            with self._prepared(asked, call):
                self._check_owners(asked, call.account)
                return _response(call, self._run(asked, call))
        except Exception as error:
            return failure(call, _told(error))

    def _run(self, asked: S3Request, call: MotoCall) -> MotoAnswer:
        """A request that is refused changes nothing, even where moto found the fault halfway."""
        try:
            found = run(call)
        except BaseException:
            self._ledger.take_back()
            raise
        if found.status < 400:
            self._save(asked)
        else:
            self._ledger.take_back()
        return found

    @contextmanager
    def _prepared(self, asked: S3Request, call: MotoCall) -> Iterator[None]:
        """Do the copying a request asks for, then take moto's lock."""
        made: Prepared | None = None
        if asked.completes_upload:
            made = self._assemble(asked, call.body)
        elif asked.copies_part:
            made = self._copy_part(asked)
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

    def _assemble(self, asked: S3Request, body: bytes) -> Prepared | None:
        with ExitStack() as holding:
            with LOCK:
                bucket = patched_s3_models.find_bucket(asked.bucket)
                upload = bucket.multiparts.get(asked.query["uploadId"]) if bucket else None
                if upload is None:
                    return None  # moto answers: no such bucket or upload, or it was completed before
                parts = upload.chosen(listed_parts(body))
                pieces = [part.value for _, part in parts]
                holding.enter_context(held(pieces))
            size = asked.headers.get("x-amz-mp-object-size")
            if size is not None and size != str(sum(map(len, pieces))):
                raise Refusal(400, "InvalidRequest", f"The parts do not make an object of {size} bytes")
            whole = self._files.join(pieces, etag="")
        return Prepared(upload, patched_s3_models.Assembly(parts, whole, upload.checksum(parts, whole)), whole)

    def _copy_part(self, asked: S3Request) -> Prepared | None:
        name, key, version = asked.copy_source()
        with ExitStack() as holding:
            with LOCK:
                bucket = patched_s3_models.find_bucket(asked.bucket)
                upload = bucket.multiparts.get(asked.query["uploadId"]) if bucket else None
                if upload is None:
                    return None  # moto answers
                origin = patched_s3_models.find_bucket(name)
                source = patched_s3_models.find_key(origin, key, version) if origin else None
                if source is None:
                    raise Refusal(404, "NoSuchKey" if origin else "NoSuchBucket", f"There is no {name}/{key} to copy")
                piece = _range(source.value, asked.headers.get("x-amz-copy-source-range"))
                holding.enter_context(held([piece]))
            copied = self._files.duplicate(piece)
        return Prepared(upload, copied, copied)

    def _save(self, asked: S3Request) -> None:
        if asked.changes:
            if asked.key:
                self._ledger.touch(asked.bucket, asked.key, asked.query.get("versionId"))
            elif asked.bucket and "delete" not in asked.query:
                patched_s3_models.state.changes.buckets[asked.bucket] = None
        self._ledger.commit()

    def _check_owners(self, asked: S3Request, account: str) -> None:
        for header, bucket in (
            ("x-amz-expected-bucket-owner", asked.bucket),
            ("x-amz-source-expected-bucket-owner", asked.source_bucket),
        ):
            expected = asked.headers.get(header)
            found = patched_s3_models.find_bucket(bucket) if expected else None
            if expected and expected != (found.account_id if found else account):
                raise Refusal(403, "AccessDenied", "Access Denied")


def _range(piece: FileSlice, given: str | None) -> FileSlice:
    """The stretch to copy. It has no ETag yet unless it is all of an object whose ETag is its MD5."""
    if given is not None:
        first, _, last = given.rpartition("=")[2].partition("-")
        if not (first.isdigit() and last.isdigit() and int(first) <= int(last) < len(piece)):
            raise Refusal(400, "InvalidArgument", f"The range {given} is not valid for a source of {len(piece)} bytes")
        return piece[int(first) : int(last) + 1]
    if piece.etag is not None and "-" in piece.etag:
        piece.etag = None
    return piece


_NO_UPLOAD = "The specified upload does not exist. It may have been aborted or completed."


def _told(error: Exception) -> Exception:
    """A full disk, in words that name it."""
    full = full_disk(error)
    return Refusal(full.status, "InternalError", full.message) if full else error


def _response(call: MotoCall, found: MotoAnswer) -> Response:
    if not isinstance(found.body, FileSlice):
        return response(call, found)
    headers: CIMultiDict[str] = kept_headers(found, head=False)
    piece = found.body
    body = HeldFileBody(piece.file.path, piece.offset, piece.length, piece.file) if piece.length else b""
    return Response(found.status, headers, body)


async def _document(request: Request, limit: int) -> bytes:
    gathered = bytearray()
    async for block in _blocks(request):
        gathered += block
        if len(gathered) > limit:
            raise Refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size")
    if not is_chunked(request.headers):
        return bytes(gathered)
    return b"".join(Unchunked().feed(bytes(gathered)))


class _Broken(Exception):
    """The body did not arrive: the server's own exception, for it to deal with."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause


async def _blocks(request: Request) -> AsyncIterator[bytes]:
    try:
        async for block in request.stream():
            yield block
    except Exception as error:
        raise _Broken(error) from error


async def _drain(request: Request) -> None:
    """Read what the client still sends: closing under its hands would look like a broken connection, not a refusal.

    One that asked for leave to send has sent nothing, and must not be given leave now.
    """
    if "expect" not in request.headers:
        async for _ in request.stream():
            pass
