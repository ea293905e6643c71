"""Replaces moto's classes of S3 keys, parts and buckets: bytes are in files, and changes are noted for SQLite.

The rules of S3 stay in moto's classes. A key's ``value`` is a slice of a file. The containers that moto changes (keys
of a bucket, parts of an upload) note in ``S3Changes`` what must be saved before the answer is sent. Import this module
only after ``moto_version.require()``, because it relies on moto's internals.
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

# Untyped, because the replaced classes do not have the types of moto's annotations.
models: Any = importlib.import_module("moto.s3.models")


@dataclass
class S3Changes:
    """The changes of one request, in order. ``ObjectLedger`` saves or reverts them together."""

    keys: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    """Bucket and key -> ids of deleted versions."""
    buckets: dict[str, None] = field(default_factory=dict)
    uploads: dict[str, Upload | None] = field(default_factory=dict)
    """Upload id -> the upload; None if it ended."""
    leaving: list[FileSlice] = field(default_factory=list)
    """Slices that nothing refers to after the changes are saved."""

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
    """An object version, or a part of an upload. Its bytes are in ``body``, not in moto's temporary file."""

    body: FileSlice
    _etag: str | None
    saved = False
    place = 0
    part_checksums: dict[str, str]

    @property
    def value(self) -> FileSlice:
        return FileSlice(self.body.file, self.body.offset, self.body.length, self._etag)

    @value.setter
    def value(self, content: bytes | str | FileSlice) -> None:
        buffer = self.__dict__.pop("_value_buffer", None)
        if buffer is not None:
            buffer.close()
        self.body = _own(content)
        self.part_checksums = getattr(content, "checksums", {})
        self.contentsize = len(self.body)
        if self._etag is None:
            self._etag = self.body.etag

    @property
    def etag(self) -> str:
        return f'"{self._etag}"'

    def dispose(self, garbage: bool = False) -> None:
        """Do nothing: a file is deleted with its row (``S3Changes.leaving``), not when moto drops an object."""

    def __del__(self) -> None:
        pass

    def __deepcopy__(self, memo: dict[int, Any]) -> FileKey:
        twin = object.__new__(type(self))  # moto copies every version to list them: copy the attributes, not the bytes
        twin.__dict__.update(self.__dict__)
        return twin


def _own(content: bytes | str | FileSlice) -> FileSlice:
    if isinstance(content, ReceivedFile) and not content.taken:
        content.taken = True
        return content
    if isinstance(content, FileSlice):
        return state.files.duplicate(content)
    return state.files.write(content.encode() if isinstance(content, str) else content)


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
        """Set the versions of a key from the rows, without noting a change."""
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
    """A multipart upload. After completion its key refers to it: its parts are then slices of the object."""

    bucket = ""
    parts: dict[int, FileKey]
    prepared: Assembly | ReceivedFile | None = None
    """Bytes for the completion or copy that moto is handling. Built without moto's lock (copying is slow) and assigned
    under it, because several requests may prepare the same upload."""

    def set_part(self, part_id: int, value: Any) -> Any:
        former = self.parts.get(part_id)
        part = super().set_part(part_id, self.prepared if isinstance(self.prepared, ReceivedFile) else value)
        state.changes.uploads[self.id] = self
        if former is not None:
            state.changes.leaving.append(former.body)
        return part

    def complete(self, body: Iterator[tuple[int, str]]) -> tuple[Any, str, tuple[str, str, int] | None]:
        assembly = self.prepared
        if not isinstance(assembly, Assembly) or not assembly.matches_current_parts(self.parts):
            raise _refusal("InvalidPart")  # a part was uploaded again while the object was being assembled
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

    def select_parts(self, listed: list[tuple[int, str]]) -> list[tuple[int, FileKey]]:
        """Return the parts that a completion lists, checked as S3 does (CompleteMultipartUpload, "Errors")."""
        if not listed:
            raise _refusal("MalformedXML")
        if [number for number, _ in listed] != sorted({number for number, _ in listed}):
            raise _refusal("InvalidPartOrder")
        if any(number not in self.parts or self.parts[number]._etag != etag.strip('"') for number, etag in listed):
            raise _refusal("InvalidPart")
        parts = [(number, self.parts[number]) for number, _ in listed]
        if any(part.size < models.S3_UPLOAD_PART_MIN_SIZE for _, part in parts[:-1]):
            raise _refusal("EntityTooSmall")
        return parts

    def checksum(self, parts: list[tuple[int, FileKey]], whole: FileSlice) -> tuple[str, str, int] | None:
        """Return the checksum of the finished object, if the upload requested one that can be computed here."""
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
    """A completed object, assembled from its parts before moto handles the completion."""

    parts: list[tuple[int, FileKey]]
    whole: ReceivedFile
    checksum: tuple[str, str, int] | None

    def matches_current_parts(self, parts: dict[int, FileKey]) -> bool:
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
        # The parts of a completed upload are slices of the object, so their bytes stay.
        state.changes.leaving.extend(body for body in leaving if isinstance(body, ReceivedFile))


REFUSALS = {
    "MalformedXML": MALFORMED_XML,
    "InvalidPartOrder": "The list of parts was not in ascending order. "
    "The parts list must be specified in order by part number.",
    "InvalidPart": "One or more of the specified parts could not be found. "
    "The part might not have been uploaded, or the specified entity tag might not have matched the part's entity tag.",
    "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed object size.",
}


def _refusal(code: str) -> Refusal:
    return Refusal(400, code, REFUSALS[code])


class FileBucket(models.FakeBucket):  # type: ignore[misc]
    versioning_status: str | None

    def __init__(self, *content: Any, **named: Any) -> None:
        super().__init__(*content, **named)
        self.keys = Versions(self.name)
        self.multiparts = Uploads(self.name)
        state.changes.buckets[self.name] = None

    def get_permission(self, action: str, resource: str) -> Any:
        """Return a policy's effect on all callers. moto applies conditions and named principals to every caller."""
        effect = effect_on_everyone(self.policy, action, resource)
        return {"Allow": PermissionResult.PERMITTED, "Deny": PermissionResult.DENIED}.get(
            effect or "", PermissionResult.NEUTRAL
        )

    @property
    def is_suspended(self) -> bool:
        """True if versioning is suspended: old versions stay, and each write replaces version ``null``."""
        return self.versioning_status == "Suspended"

    @contextmanager
    def versioned(self) -> Iterator[None]:
        """Make moto treat versioning as enabled, because it drops all versions of a key if it is suspended."""
        status, self.versioning_status = self.versioning_status, "Enabled"
        try:
            yield
        finally:
            self.versioning_status = status

    def make_null(self, key: str) -> None:
        """Make the latest version of a key its version ``null``, replacing the previous one."""
        *before, latest = self.keys.getlist(key)
        latest._version_id = "null"
        self.keys.setlist(key, [*(one for one in before if one.version_id != "null"), latest])


class _State:
    """The files and changes that the patched classes use. Global, because moto's back ends are."""

    files: ObjectFiles
    changes = S3Changes()


state = _State()


def find_bucket(name: str) -> FileBucket | None:
    """Return a bucket of any account: bucket names are unique over all accounts."""
    where = models.s3_backends.bucket_accounts.get(name)
    if where is None:
        return None
    partition, account = where
    bucket: FileBucket | None = models.s3_backends[account][partition].buckets.get(name)
    return bucket


def find_key(bucket: FileBucket, name: str, version: str | None = None) -> FileKey | None:
    """Return a version of a key, by default the latest. None for a delete marker."""
    versions = bucket.keys.getlist(name, [])
    select_parts = [one for one in versions if str(one.version_id) == version] if version is not None else versions[-1:]
    return select_parts[0] if select_parts and isinstance(select_parts[0], FileKey) else None


def backend(account: str, region: str) -> Any:
    return models.s3_backends[account][get_partition(region)]
