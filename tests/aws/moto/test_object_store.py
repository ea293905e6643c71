"""``ObjectStore`` on files and rows: what is written survives. Its rules are tested for all backends, one folder up."""

from __future__ import annotations

from pathlib import Path

from harness.kernel.s3uri import S3Uri
from tests.aws.moto.serving import ACCOUNT, serve

URI = S3Uri("bucket", "folder/key.txt")


def test_writes_in_process_survive(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        objects = served.backend.objects(ACCOUNT, "us-east-1")
        objects.create_bucket("bucket")
        objects.write(URI, b"one")
        objects.write(S3Uri("bucket", "gone"), b"one")
        objects.delete(S3Uri("bucket", "gone"))
    with serve(tmp_path) as served:
        again = served.backend.objects(ACCOUNT, "us-east-1")
        assert [(info.uri, info.size) for info in again.list(S3Uri("bucket"))] == [(URI, 3)]
