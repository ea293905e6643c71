"""Saves the changes of a request in moto's S3 objects to rows, and restores all objects at the start.

The counterpart of ``patched_s3_models``. Only this module knows which attributes of moto's objects make up a row.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

from moto.core.utils import utcnow
from moto.moto_api._internal.managed_state_model import ManagedState
from moto.utilities.utils import LowercaseDict, get_partition
from requests.structures import CaseInsensitiveDict

from harness.aws.moto import patched_backends, patched_s3_models
from harness.aws.moto.moto_version import moto_version
from harness.aws.moto.object_rows import BucketRow, ObjectRows, PartRow, UploadRow, VersionRow
from harness.aws.moto.patched_s3_models import FileBucket, FileKey, Upload, models
from harness.aws.moto.saved_state.bucket_settings import settings_from_text, settings_to_text
from harness.aws.moto.saved_state.services import ServiceState
from harness.aws.wire.object_files import FileSlice, ObjectFiles, ReceivedFile

logger = logging.getLogger(__name__)
EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - moto's times are UTC without a zone
PLAIN = (
    "account_id", "region_name", "website_redirect_location", "checksum_algorithm", "checksum_value", "checksum_type",
    "checksum_parts", "encryption", "kms_key_id", "bucket_key_enabled", "lock_mode", "lock_legal_status", "lock_until",
    "_storage_class", "_etag", "_is_versioned", "_status",
)  # fmt: skip
MARKER = "marker"
RESTORING: list[tuple[str | None, str]] = [(None, "IN_PROGRESS"), ("IN_PROGRESS", "RESTORED")]
PRIVATE = models.get_canned_acl("private")
"""The private ACL, shared by all restored objects that have it."""


class ObjectLedger:
    """Saves ``S3Changes`` and the same request's changes in other services. All calls hold moto's lock."""

    def __init__(self, rows: ObjectRows, files: ObjectFiles, services: ServiceState) -> None:
        self._rows = rows
        self._files = files
        self._services = services
        self._places = itertools.count(time.time_ns())

    def commit(self) -> None:
        """Save all changes in one transaction. If that fails, restore the objects in memory from their rows."""
        changes = patched_s3_models.state.changes
        try:
            self._services.save()
            if changes.keys or changes.buckets or changes.uploads:
                with self._rows.transaction():
                    self._save(changes)
        except BaseException:
            self.take_back()
            raise
        for piece in changes.leaving:
            piece.file.doom()
        changes.clear()

    def take_back(self) -> None:
        """Revert the changes in memory since the last commit."""
        self._services.take_back()
        changes = patched_s3_models.state.changes
        if changes.keys or changes.buckets or changes.uploads:
            self._take_back(changes)
        changes.clear()

    def touch(self, bucket: str, key: str, version: str | None = None) -> None:
        """Mark a version (the latest if None) to be saved, because a request may have changed its attributes."""
        bucket_found = patched_s3_models.find_bucket(bucket)
        for one in reversed(bucket_found.keys.getlist(key, [])) if bucket_found else []:
            if version is None or str(one.version_id) == version:
                one.saved = False
                patched_s3_models.state.changes.key(bucket, key)
                return

    def _save(self, changes: patched_s3_models.S3Changes) -> None:
        for name in changes.buckets:
            self._save_bucket(name)
        for id_, upload in changes.uploads.items():
            self._save_upload(id_, upload)
        for (bucket, key), gone in changes.keys.items():
            for version in gone:
                self._rows.delete_version(bucket, key, str(version))
            bucket_found = patched_s3_models.find_bucket(bucket)
            for one in bucket_found.keys.getlist(key, []) if bucket_found else []:
                if not getattr(one, "saved", False):
                    self._save_version(bucket, one)

    def _save_bucket(self, name: str) -> None:
        bucket = patched_s3_models.find_bucket(name)
        if bucket is None:
            self._rows.delete_bucket(name)
            return
        config = {k: v for k, v in bucket.__dict__.items() if k not in ("keys", "multiparts")}
        config["tags"] = _tagger(bucket).get_tag_dict_for_resource(bucket.arn)
        created = bucket.creation_date.timestamp()
        where = (bucket.account_id, bucket.partition, bucket.region_name)
        self._rows.put_bucket(BucketRow(name, *where, created, moto_version(), settings_to_text(config)))

    def _save_version(self, bucket: str, version: Any) -> None:
        version.place = getattr(version, "place", 0) or next(self._places)
        if isinstance(version, FileKey):
            file, size, about = version.body.file.name, version.size, _about_key(version)
        else:
            file, size, about = "", 0, {MARKER: True, "modified": seconds(version.last_modified)}
        self._rows.put_version(VersionRow(bucket, version.name, version.version_id, version.place, file, size, about))
        version.saved = True

    def _save_upload(self, id_: str, upload: Upload | None) -> None:
        if upload is None:
            self._rows.delete_upload(id_)
            return
        self._rows.put_upload(UploadRow(id_, upload.bucket, upload.key_name, _about_upload(upload)))
        for number, part in upload.parts.items():
            if not part.saved:
                about = {**_about_key(part), "checksums": part.part_checksums}
                self._rows.put_part(PartRow(id_, number, part.body.file.name, part.size, about))
                part.saved = True

    # Restoring

    def restore(self) -> None:
        """Fill moto's empty back ends from the rows, and sweep files that no row names."""
        for row in self._rows.buckets():
            self._restore_bucket(row)
        for (bucket, key), rows in itertools.groupby(self._rows.versions(), lambda row: (row.bucket, row.key)):
            self._restore_key(bucket, key, rows)
        self._restore_uploads()
        patched_s3_models.state.changes.clear()
        swept = self._files.sweep(self._rows.files())
        if swept:
            logger.info("Swept %d files of writes that were never finished", swept)

    def _restore_bucket(self, row: BucketRow) -> None:
        backend = models.s3_backends[row.account][row.partition]
        bucket = FileBucket(name=row.name, account_id=row.account, region_name=row.region)
        backend.buckets[row.name] = bucket
        bucket.creation_date = datetime.fromtimestamp(row.created, tz=timezone.utc)
        self._give_settings(bucket, row)

    def _give_settings(self, bucket: FileBucket, row: BucketRow) -> None:
        """Set the settings of a bucket from its row. Settings in a pickle are left out until they are imported."""
        if not row.config:
            return
        settings = settings_from_text(row.name, row.config, patched_backends.backend_of)
        tagger = _tagger(bucket)
        tagger.delete_all_tags_for_resource(bucket.arn)
        tagger.tag_resource(bucket.arn, [{"Key": k, "Value": v} for k, v in settings.pop("tags").items()])
        bucket.__dict__.update(settings)

    def _restore_key(self, bucket: str, key: str, rows: Iterable[VersionRow]) -> None:
        bucket_found = patched_s3_models.find_bucket(bucket)
        if bucket_found is None:
            return
        versions: list[Any] = []
        for row in rows:
            versions.append(self._marker(row, versions) if row.about.get(MARKER) else self._key(row))
        bucket_found.keys.put_back(key, versions)

    def _key(self, row: VersionRow) -> FileKey:
        key = _blank_key(row.key, row.bucket, row.about)
        key._version_id = row.version
        key.place, key.saved = row.place, True
        self._give_body(key, row.file, row.size)
        if "multipart" in row.about:
            key.multipart = _finished_upload(key, row.about["multipart"])
        if row.about["tags"]:
            tags = [{"Key": k, "Value": v} for k, v in row.about["tags"].items()]
            _tagger(key).tag_resource(key.arn, tags)
        return key

    def _give_body(self, key: FileKey, file: str, size: int) -> None:
        key.body = ReceivedFile(self._files.file_of_row(file), size, key._etag or "")
        key.contentsize = size

    def _marker(self, row: VersionRow, before: list[Any]) -> Any:
        marker = models.FakeDeleteMarker.__new__(models.FakeDeleteMarker)
        marker.key = before[-1] if before else None
        marker.name = row.key
        marker.last_modified = _moment(row.about["modified"])
        marker._version_id = row.version
        marker.place, marker.saved = row.place, True
        return marker

    def _restore_uploads(self, only: set[str] | None = None) -> None:
        uploads: dict[str, Upload] = {}
        for row in self._rows.uploads():
            bucket = patched_s3_models.find_bucket(row.bucket)
            if bucket is not None and (only is None or row.id in only):
                uploads[row.id] = bucket.multiparts[row.id] = _blank_upload(row)
        for part in self._rows.parts():
            if part.upload in uploads:
                key = _blank_key(part.number, None, part.about)
                key.saved = True
                key.part_checksums = part.about["checksums"]
                self._give_body(key, part.file, part.size)
                uploads[part.upload].parts[part.number] = key
                uploads[part.upload].partlist.append(part.number)

    def _take_back(self, changes: patched_s3_models.S3Changes) -> None:
        """Restore keys, parts and buckets from their rows."""
        buckets = {row.name: row for row in self._rows.buckets()}
        known = self._rows.files()
        for bucket, key in list(changes.keys):
            bucket_found = patched_s3_models.find_bucket(bucket)
            for version in bucket_found.keys.getlist(key, []) if bucket_found else []:
                if isinstance(version, FileKey) and version.body.file.name not in known:
                    version.body.file.doom()
            self._restore_key(bucket, key, [])
            self._restore_key(bucket, key, self._rows.versions(bucket, key))
        for upload in changes.uploads.values():
            bucket_found = patched_s3_models.find_bucket(upload.bucket) if upload is not None else None
            if upload is not None and bucket_found is not None:
                dict.pop(bucket_found.multiparts, upload.id, None)
        self._restore_uploads(set(changes.uploads))
        for name in list(changes.buckets):
            self._take_back_bucket(name, buckets.get(name))

    def _take_back_bucket(self, name: str, row: BucketRow | None) -> None:
        bucket = patched_s3_models.find_bucket(name)
        if row is None:
            partition, account = models.s3_backends.bucket_accounts.pop(name)
            models.s3_backends[account][partition].buckets.pop(name, None)
        elif bucket is None:
            self._restore_bucket(row)
        else:
            self._give_settings(bucket, row)


def _about_key(key: FileKey) -> dict[str, Any]:
    about: dict[str, Any] = {name: value for name in PLAIN if (value := getattr(key, name)) is not None}
    about["modified"] = seconds(key.last_modified)
    about["metadata"] = dict(key.metadata)
    about["acl"] = _about_acl(key.acl)
    about["tags"] = _tagger(key).get_tag_dict_for_resource(key.arn)
    if key._expiry is not None:
        about["expiry"] = seconds(key._expiry)
    if key.multipart is not None:
        parts = [[number, part.size, part._etag] for number, part in key.multipart.parts.items()]
        about["multipart"] = {"id": key.multipart.id, "parts": parts}
    return about


def _about_upload(upload: Upload) -> dict[str, Any]:
    plain = ("account_id", "region_name", "storage", "tags", "sse_encryption", "kms_key_id")
    about = {name: getattr(upload, name) for name in plain}
    return {**about, "metadata": dict(upload.metadata), "acl": _about_acl(upload.acl)}


def _about_acl(acl: Any) -> list[Any] | None:
    if acl is None:
        return None
    return [[[[g.id, g.uri, g.display_name] for g in grant.grantees], grant.permissions] for grant in acl.grants]


def _acl(about: list[Any] | None) -> Any:
    if about is None:
        return None
    if about == ABOUT_PRIVATE:
        return PRIVATE
    return models.FakeAcl([models.FakeGrant([models.FakeGrantee(*g) for g in gs], ps) for gs, ps in about])


def _blank_key(name: Any, bucket: str | None, about: dict[str, Any]) -> FileKey:
    """Return a key like one of moto's constructor, without writing a value."""
    key = object.__new__(FileKey)
    ManagedState.__init__(key, "s3::keyrestore", RESTORING)
    key.__dict__.update(dict.fromkeys(PLAIN), name=name, bucket_name=bucket, _version_id=None, multipart=None)
    key.__dict__.update({k: v for k, v in about.items() if k in PLAIN})
    key.partition = get_partition(key.region_name)
    key.last_modified = _moment(about["modified"])
    key._metadata = LowercaseDict(about["metadata"])
    key._expiry = _moment(about["expiry"]) if "expiry" in about else None
    key.acl = _acl(about["acl"])
    key.part_checksums = {}
    key.disposed = False
    return key


def _blank_upload(row: UploadRow) -> Upload:
    upload = object.__new__(Upload)
    upload.__dict__.update(row.about, id=row.id, key_name=row.key, parts={}, partlist=[])
    upload.metadata = CaseInsensitiveDict(row.about["metadata"])
    upload.acl = _acl(row.about["acl"])
    return upload


def _finished_upload(key: FileKey, about: dict[str, Any]) -> Upload:
    """Return the upload of a completed object, with the numbers and offsets of its parts."""
    upload = object.__new__(Upload)
    upload.__dict__.update(id=about["id"], key_name=key.name, parts={}, partlist=[], metadata=CaseInsensitiveDict())
    offset = 0
    for number, size, etag in about["parts"]:
        part = object.__new__(FileKey)
        part.__dict__.update(key.__dict__, name=number, _etag=etag, contentsize=size, multipart=None)
        part.body = FileSlice(key.body.file, offset, size)
        upload.parts[number] = part
        upload.partlist.append(number)
        offset += size
    return upload


def _tagger(thing: Any) -> Any:
    return models.s3_backends[thing.account_id][get_partition(thing.region_name)].tagger


def seconds(moment: datetime) -> float:
    """Return a time of moto in seconds since the epoch. Times without a zone are UTC."""
    naive = moment.astimezone(timezone.utc).replace(tzinfo=None) if moment.tzinfo else moment
    return (naive - EPOCH).total_seconds()


def _moment(seconds: float) -> datetime:
    moment = EPOCH + timedelta(seconds=seconds)
    return moment.replace(tzinfo=timezone.utc) if utcnow().tzinfo else moment


ABOUT_PRIVATE = _about_acl(PRIVATE)
