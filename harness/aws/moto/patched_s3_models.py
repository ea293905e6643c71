"""The one seam in moto's S3: its keys, parts and buckets, with bytes in files and every change noted for SQLite.

moto's own classes keep all rules. Here a key's ``value`` is a slice of a file, and the containers moto changes
(keys of a bucket, parts of an upload) tell ``S3Changes`` what must be saved before the answer goes out. No SQL here.
Import only after ``moto_version.require()``: this module relies on that version's internals.
"""

from __future__ import annotations

import codecs
import hashlib
import importlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from moto.iam.access_control import PermissionResult
from moto.s3.exceptions import NoSuchUpload
from moto.utilities.utils import get_partition

from harness.aws.moto.misread import MALFORMED_XML
from harness.aws.moto.s3_listing import SortedNames
from harness.aws.moto.s3_policies import effect_on_everyone
from harness.aws.wire.checksums import checksum_of_text, checksum_text
from harness.aws.wire.error_responses import Refusal
from harness.aws.wire.object_files import FileSlice, ObjectFiles, ReceivedFile

# Untyped on purpose: what is put in place of moto's classes is not what its annotations say.
models: Any = importlib.import_module("moto.s3.models")


@dataclass
class S3Changes:
    """What one request changed, in the order it did. Saved (or taken back) as one by ``ObjectLedger``."""

    keys: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Bucket and key -> ids of versions that are gone."""
    buckets: dict[str, None] = field(default_factory=dict)
    uploads: dict[str, Upload | None] = field(default_factory=dict)
    """Upload id -> the upload, None when it ended."""
    leaving: list[FileSlice] = field(default_factory=list)
    """Owned bytes that nothing refers to once this is saved."""

    def key(self, bucket: str, name: str, gone: Iterable[Any] = ()) -> None:
        ids = self.keys.setdefault((bucket, name), set())
        for version in gone:
            ids.add(version.version_id)
            if isinstance(version, FileKey):
                self.leaving.append(version.body)

    def clear(self) -> None:
        self.keys.clear()
        self.buckets.clear()
        self.uploads.clear()
        self.leaving.clear()


class FileKey(models.FakeKey):  # type: ignore[misc]
    """An object version, or a part. Its bytes are ``body``; moto's temporary file is never made to hold anything."""

    body: FileSlice
    _etag: str | None
    saved = False
    place = 0
    part_checksums: dict[str, str]

    @property
    def value(self) -> FileSlice:
        return FileSlice(self.body.file, self.body.offset, self.body.length, self._etag)

    @value.setter
    def value(self, given: bytes | str | FileSlice) -> None:
        buffer = self.__dict__.pop("_value_buffer", None)
        if buffer is not None:
            buffer.close()
        self.body = _own(given)
        self.part_checksums = getattr(given, "checksums", {})
        self.contentsize = len(self.body)
        if self._etag is None:
            self._etag = self.body.etag

    @property
    def etag(self) -> str:
        return f'"{self._etag}"'

    def dispose(self, garbage: bool = False) -> None:
        """Files go when the row is gone (``S3Changes.leaving``), not when moto lets go of an object."""

    def __del__(self) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> FileKey:
        twin = object.__new__(type(self))  # listing versions copies every one: the attributes, not the bytes
        twin.__dict__.update(self.__dict__)
        return twin


def _own(given: bytes | str | FileSlice) -> FileSlice:
    if isinstance(given, ReceivedFile) and not given.taken:
        given.taken = True
        return given
    if isinstance(given, FileSlice):
        return state.files.duplicate(given)
    return state.files.write(given.encode() if isinstance(given, str) else given)


class Versions(models._VersionedKeyStore):  # type: ignore[misc]
    """The keys of one bucket."""

    def __init__(self, bucket: str) -> None:
        super().__init__()
        self.bucket = bucket
        self.sorted = SortedNames()

    def setlist(self, key: str, list_: Any) -> None:
        versions = list(list_)
        kept = {id(version) for version in versions}
        gone = [version for version in self.getlist(key, []) if id(version) not in kept]
        self._put(key, versions)
        state.changes.key(self.bucket, key, gone)

    def __setitem__(self, key: str, value: Any) -> None:
        self._put(key, [*self.getlist(key, []), value])
        state.changes.key(self.bucket, key)

    def pop(self, key: str) -> None:
        gone = self.getlist(key, [])
        dict.pop(self, key)
        self.sorted.remove(key)
        state.changes.key(self.bucket, key, gone)

    def item_size(self) -> int:
        return sum(version.size for version in self.values() if isinstance(version, FileKey))

    def put_back(self, key: str, versions: list[Any]) -> None:
        """What the rows say, on load and after a failed save: not a change."""
        if versions:
            self._put(key, versions)
        elif key in self:
            dict.pop(self, key)
            self.sorted.remove(key)

    def _put(self, key: str, versions: list[Any]) -> None:
        if key not in self:
            self.sorted.add(key)
        dict.__setitem__(self, key, versions)


class Upload(models.FakeMultipart):  # type: ignore[misc]
    """A multipart upload. After completion it stays with its key for its part numbers, as stretches of the object."""

    bucket = ""
    parts: dict[int, FileKey]
    prepared: Assembly | ReceivedFile | None = None
    """For the completion or the copy of a part that moto is handling: made before its lock was taken, and set with it
    held, since other requests prepare things for this upload at the same time."""

    def set_part(self, part_id: int, value: Any) -> Any:
        former = self.parts.get(part_id)
        part = super().set_part(part_id, self.prepared if isinstance(self.prepared, ReceivedFile) else value)
        state.changes.uploads[self.id] = self
        if former is not None:
            state.changes.leaving.append(former.body)
        return part

    def complete(self, body: Iterator[tuple[int, str]]) -> tuple[Any, str, tuple[str, str, int] | None]:
        assembly = self.prepared
        if not isinstance(assembly, Assembly) or not assembly.still_of(self.parts):
            raise _refused("InvalidPart")  # a part was uploaded again while the object was put together
        state.changes.leaving.extend(part.body for part in self.parts.values())
        self.parts = dict(assembly.parts)
        self.partlist = list(self.parts)
        offset = 0
        for part in self.parts.values():
            part.body = FileSlice(assembly.whole.file, offset, part.size)
            offset += part.size
        etags = b"".join(codecs.decode(part.etag.strip('"'), "hex") for part in self.parts.values())
        digest = hashlib.md5(etags, usedforsecurity=False).hexdigest()
        return assembly.whole, f"{digest}-{len(self.parts)}", assembly.checksum

    def chosen(self, listed: list[tuple[int, str]]) -> list[tuple[int, FileKey]]:
        """The parts a completion names, checked as S3 does."""
        if not listed:
            raise _refused("MalformedXML")
        if [number for number, _ in listed] != sorted({number for number, _ in listed}):
            raise _refused("InvalidPartOrder")
        if any(number not in self.parts or self.parts[number]._etag != etag.strip('"') for number, etag in listed):
            raise _refused("InvalidPart")
        parts = [(number, self.parts[number]) for number, _ in listed]
        if any(part.size < models.S3_UPLOAD_PART_MIN_SIZE for _, part in parts[:-1]):
            raise _refused("EntityTooSmall")
        return parts

    def checksum(self, parts: list[tuple[int, FileKey]], whole: FileSlice) -> tuple[str, str, int] | None:
        """Of the finished object, where the upload asked for one that can be computed here."""
        algorithm = (self.metadata.get("x-amz-checksum-algorithm") or "").upper()
        kind = (self.metadata.get("x-amz-checksum-type") or "COMPOSITE").upper()
        if not algorithm:
            return None
        if kind == "FULL_OBJECT" or algorithm == "CRC64NVME":
            value = checksum_text(algorithm, whole.blocks())
            return ("FULL_OBJECT", value, 1) if value else None
        value = checksum_of_text(algorithm, [part.part_checksums.get(algorithm, "") for _, part in parts])
        return ("COMPOSITE", value, len(parts)) if value else None

    def dispose(self) -> None:
        pass


@dataclass(frozen=True)
class Assembly:
    """A completed object, put together from its parts before moto hears of the completion."""

    parts: list[tuple[int, FileKey]]
    whole: ReceivedFile
    checksum: tuple[str, str, int] | None

    def still_of(self, parts: dict[int, FileKey]) -> bool:
        return all(parts.get(number) is part for number, part in self.parts)


class Uploads(dict[str, Upload]):
    """The multipart uploads of one bucket."""

    def __init__(self, bucket: str) -> None:
        super().__init__()
        self.bucket = bucket

    def __missing__(self, upload: str) -> Upload:
        raise NoSuchUpload(upload_id=upload)

    def __setitem__(self, id_: str, upload: Upload) -> None:
        upload.bucket = self.bucket
        super().__setitem__(id_, upload)
        state.changes.uploads[id_] = upload

    def __delitem__(self, id_: str) -> None:
        upload = self[id_]
        super().__delitem__(id_)
        state.changes.uploads[id_] = None
        leaving = (part.body for part in upload.parts.values())
        # Of a completed upload the parts are stretches of the object by now: those stay.
        state.changes.leaving.extend(body for body in leaving if isinstance(body, ReceivedFile))


REFUSALS = {
    "MalformedXML": MALFORMED_XML,
    "InvalidPartOrder": "The list of parts was not in ascending order. "
    "The parts list must be specified in order by part number.",
    "InvalidPart": "One or more of the specified parts could not be found. "
    "The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag.",
    "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed object size.",
}


def _refused(code: str) -> Refusal:
    return Refusal(400, code, REFUSALS[code])


class FileBucket(models.FakeBucket):  # type: ignore[misc]
    versioning_status: str | None

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.keys = Versions(self.name)
        self.multiparts = Uploads(self.name)
        state.changes.buckets[self.name] = None

    def get_permission(self, action: str, resource: str) -> Any:
        """moto holds statements with conditions, and those for named principals, against every caller."""
        effect = effect_on_everyone(self.policy, action, resource)
        return {"Allow": PermissionResult.PERMITTED, "Deny": PermissionResult.DENIED}.get(
            effect or "", PermissionResult.NEUTRAL
        )

    @property
    def is_suspended(self) -> bool:
        """Versions are kept, but what is written now is version ``null``, and there is one of those."""
        return self.versioning_status == "Suspended"

    @contextmanager
    def versioned(self) -> Iterator[None]:
        """moto forgets all versions of a key once versioning is suspended; so it is not told."""
        status, self.versioning_status = self.versioning_status, "Enabled"
        try:
            yield
        finally:
            self.versioning_status = status

    def make_null(self, key: str) -> None:
        """The latest version becomes version ``null``, in place of the one there was."""
        *before, latest = self.keys.getlist(key)
        latest._version_id = "null"
        self.keys.setlist(key, [*(one for one in before if one.version_id != "null"), latest])


class _State:
    """moto's back ends are global to the process, so what they write to is too: one ``MotoBackend`` at a time."""

    files: ObjectFiles
    changes = S3Changes()


state = _State()


def find_bucket(name: str) -> FileBucket | None:
    """In whatever account it is: bucket names are shared by all."""
    where = models.s3_backends.bucket_accounts.get(name)
    if where is None:
        return None
    partition, account = where
    found: FileBucket | None = models.s3_backends[account][partition].buckets.get(name)
    return found


def find_key(bucket: FileBucket, name: str, version: str | None = None) -> FileKey | None:
    """The latest version when none is named; None where that is a delete marker."""
    versions = bucket.keys.getlist(name, [])
    chosen = [one for one in versions if str(one.version_id) == version] if version is not None else versions[-1:]
    return chosen[0] if chosen and isinstance(chosen[0], FileKey) else None


def backend(account: str, region: str) -> Any:
    return models.s3_backends[account][get_partition(region)]
