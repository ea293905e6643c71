"""ListObjects, ListObjectsV2 and ListObjectVersions without moto's scan of every key for each page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple
from urllib.parse import quote

from moto.core.responses import ActionResult

from harness.aws.moto.patched_s3_models import FileBucket, FileKey
from harness.aws.moto.s3_arguments import invalid
from harness.aws.moto.s3_listing import MOST, Entry, Question, name_of, token_of, walk

OWNER = {
    "ID": "75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a",
    "DisplayName": "webfile",
}


class Version(NamedTuple):
    """A version of a key, or a delete marker; or a common prefix, of which there is no version."""

    name: str
    version: Any
    is_latest: bool


class Lists:
    """The handlers, mixed into moto's; ``querystring``, ``backend``, ``serialized`` are its."""

    querystring: dict[str, list[str]]
    data: dict[str, Any]
    bucket_name: str
    backend: Any
    serialized: Any

    def list_objects(self) -> Any:
        marker = self._text("marker")
        entries, truncated = self._objects(marker or None)
        answer = {**self._page(entries, truncated, with_owner=True), "Marker": self._encode(marker)}
        if truncated and self._text("delimiter") and entries:
            answer["NextMarker"] = self._encode(entries[-1].name)
        return self._answer("ListObjects", answer)

    def list_objects_v2(self) -> Any:
        token, start = self.querystring.get("continuation-token"), self._text("start-after")
        entries, truncated = self._objects(name_of(token[0]) if token is not None else start or None)
        answer = self._page(entries, truncated, with_owner=self._text("fetch-owner") == "true")
        answer["KeyCount"] = len(entries)
        if start:
            answer["StartAfter"] = self._encode(start)
        if token is not None:
            answer["ContinuationToken"] = token[0]
        if truncated and entries:
            answer["NextContinuationToken"] = token_of(entries[-1].name)
        return self._answer("ListObjectsV2", answer)

    def list_object_versions(self) -> Any:
        key_marker, version_marker = self._text("key-marker"), self._text("version-id-marker")
        if version_marker and not key_marker:
            raise invalid("A version-id marker cannot be specified without a key marker.")
        limit = self._limit()
        entries_found = list(islice(self._versions(key_marker, version_marker), limit + 1))
        page = entries_found[:limit]
        shown = [one for one in page if one.version is not None]
        truncated = len(entries_found) > limit > 0
        answer = {
            **self._frame(truncated),
            "KeyMarker": self._encode(key_marker),
            "VersionIdMarker": version_marker,
            "Versions": [self._version(one) for one in shown if isinstance(one.version, FileKey)],
            "DeleteMarkers": [self._marker(one) for one in shown if not isinstance(one.version, FileKey)],
            "CommonPrefixes": [{"Prefix": self._encode(one.name)} for one in page if one.version is None],
        }
        if truncated:
            answer["NextKeyMarker"] = self._encode(page[-1].name)
            if page[-1].version is not None:
                answer["NextVersionIdMarker"] = page[-1].version.version_id
        return self._answer("ListObjectVersions", answer)

    def _objects(self, after: str | None) -> tuple[list[Entry], bool]:
        keys = self._bucket().keys
        question = Question(self._text("prefix"), self._text("delimiter"), after)
        limit = self._limit()
        entries_found = list(
            islice(walk(keys.sorted.names, question, lambda name: isinstance(keys[name], FileKey)), limit + 1)
        )
        return entries_found[:limit], len(entries_found) > limit > 0

    def _versions(self, key_marker: str, version_marker: str) -> Iterator[Version]:
        """Yield versions by key, the latest first, from the markers on."""
        keys = self._bucket().keys
        prefix, delimiter = self._text("prefix"), self._text("delimiter")
        begun = bool(version_marker) and key_marker.startswith(prefix)
        if begun and not (delimiter and delimiter in key_marker[len(prefix) :]):
            yield from _after(version_marker, _of_key(key_marker, keys.getlist(key_marker, [])))
        for entry in walk(keys.sorted.names, Question(prefix, delimiter, key_marker or None), lambda name: True):
            if entry.is_prefix:
                yield Version(entry.name, None, False)
            else:
                yield from _of_key(entry.name, keys.getlist(entry.name, []))

    def _page(self, entries: list[Entry], truncated: bool, with_owner: bool) -> dict[str, Any]:
        keys = self._bucket().keys
        return {
            **self._frame(truncated),
            "Contents": [self._object(keys[entry.name], with_owner) for entry in entries if not entry.is_prefix],
            "CommonPrefixes": [{"Prefix": self._encode(entry.name)} for entry in entries if entry.is_prefix],
        }

    def _frame(self, truncated: bool) -> dict[str, Any]:
        """Return the members that all three answers have."""
        frame: dict[str, Any] = {
            "Name": self.bucket_name,
            "Prefix": self._encode(self._text("prefix")),
            "MaxKeys": self._limit(),
            "IsTruncated": truncated,
        }
        if self._text("delimiter"):
            frame["Delimiter"] = self._encode(self._text("delimiter"))
        if self._text("encoding-type"):
            frame["EncodingType"] = self._text("encoding-type")
        return frame

    def _object(self, key: Any, with_owner: bool) -> dict[str, Any]:
        shown = {
            "Key": self._encode(key.name),
            "LastModified": key.last_modified_ISO8601,
            "ETag": key.etag,
            "Size": key.size,
            "StorageClass": key.storage_class,
        }
        if key.checksum_algorithm:
            shown["ChecksumAlgorithm"] = [key.checksum_algorithm]
        return {**shown, "Owner": OWNER} if with_owner else shown

    def _version(self, one: Version) -> dict[str, Any]:
        version = one.version.version_id if one.version.version_id is not None else "null"
        return {**self._object(one.version, with_owner=True), "VersionId": version, "IsLatest": one.is_latest}

    def _marker(self, one: Version) -> dict[str, Any]:
        return {
            "Key": self._encode(one.name),
            "VersionId": one.version.version_id,
            "IsLatest": one.is_latest,
            "LastModified": one.version.last_modified_ISO8601,
            "Owner": OWNER,
        }

    def _bucket(self) -> FileBucket:
        entries_found: FileBucket = self.backend.get_bucket(self.bucket_name)
        return entries_found

    def _text(self, name: str) -> str:
        return self.querystring.get(name, [""])[0]

    def _limit(self) -> int:
        return min(int(self.querystring.get("max-keys", [str(MOST)])[0]), MOST)

    def _encode(self, text: str) -> str:
        return quote(text, safe="/-_.~*!'()") if self._text("encoding-type") == "url" else text

    def _answer(self, operation: str, answer: dict[str, Any]) -> Any:
        self.data["Action"] = operation
        return self.serialized(ActionResult(answer))


def _of_key(name: str, versions: list[Any]) -> Iterator[Version]:
    for version in reversed(versions):
        yield Version(name, version, version is versions[-1])


def _after(marker: str, versions: Iterator[Version]) -> Iterator[Version]:
    """Yield the versions after the marker. Yield all versions of the key if the marked one was deleted."""
    entries_found = list(versions)
    ids = [str(one.version.version_id) for one in entries_found]
    yield from entries_found[ids.index(marker) + 1 :] if marker in ids else entries_found
