"""State that an earlier harness kept as pickles: named, never loaded on its own, taken over when the user asks."""

from __future__ import annotations

import os
import pickle
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from harness.aws.moto.saved_state.migration import migrate
from harness.aws.moto.saved_state.old_pickles import describe_old_state, find_pickles
from harness.kernel.errors import StateError
from tests.aws.moto.saved_state.kept_services import BUCKET_POLICY, TRUST
from tests.aws.moto.serving import serve

ACCOUNT = "123456789012"


class Planted:
    """Makes a folder when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


def pickle_of(state: Path, service: str, region: str, value: Any) -> Path:
    path = state / "aws" / service / ACCOUNT / f"{region}.pickle"
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(value))
    return path


def pickle_settings(state: Path, value: Any) -> None:
    with closing(sqlite3.connect(state / "s3" / "objects.sqlite", isolation_level=None)) as db:
        db.execute("UPDATE bucket SET config = ?", (pickle.dumps(value),))


def old_state(state: Path) -> None:
    """As harness left it before: a pickle for each back end, and one in the row of each bucket."""
    with serve(state) as served:
        from moto.ecr.models import ecr_backends
        from moto.iam.models import iam_backends
        from moto.s3.models import s3_backends

        iam, ecr, s3 = served.client("iam"), served.client("ecr"), served.client("s3")
        iam.create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST)
        iam.create_user(UserName="me")
        iam.create_access_key(UserName="me")
        ecr.create_repository(repositoryName="images", imageTagMutability="IMMUTABLE")
        s3.create_bucket(Bucket="bucket")
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")
        s3.put_bucket_policy(Bucket="bucket", Policy=BUCKET_POLICY)
        s3.put_bucket_versioning(Bucket="bucket", VersioningConfiguration={"Status": "Enabled"})
        pickle_of(state, "iam", "aws", ("5.2.5", iam_backends[ACCOUNT]["aws"].__dict__))
        repositories = {**ecr_backends[ACCOUNT]["us-east-1"].__dict__}
        del repositories["registry_scanning_configuration_update_lock"]
        pickle_of(state, "ecr", "us-east-1", ("5.2.5", repositories))
        bucket = s3_backends[ACCOUNT]["aws"].buckets["bucket"]
        settings = {k: v for k, v in bucket.__dict__.items() if k not in ("keys", "multiparts")}
        settings["tags"] = {"a": "b"}
    pickle_settings(state, settings)
    for path in (state / "aws").glob("services.sqlite*"):
        path.unlink()


def test_a_planted_pickle_is_named_and_never_loaded(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with serve(tmp_path) as served:
        served.client("s3").create_bucket(Bucket="bucket")
    path = pickle_of(tmp_path, "iam", "aws", ("5.2.5", Planted(tmp_path / "ran")))
    pickle_settings(tmp_path, Planted(tmp_path / "ran"))
    for _ in range(2):  # the first start sets the settings aside
        caplog.clear()
        with serve(tmp_path) as served:
            served.client("iam").create_user(UserName="me" + str(_))
            assert served.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"] == 0
            assert "iam" in served.backend.describe()["old state"]
        (line,) = [message for message in caplog.messages if "not loaded" in message]
        assert "aws/iam/123456789012/aws.pickle, the settings of the bucket bucket" in line
        assert "harness migrate" in line
        assert "harness reset" in line
    with pytest.raises(StateError, match=r"posix\.mkdir, which is no part of the state"):
        migrate(tmp_path)
    assert path.exists()
    assert not (tmp_path / "ran").exists()
    with serve(tmp_path) as served:
        assert len(served.client("iam").list_users()["Users"]) == 2
        served.backend.reset()
    assert describe_old_state(tmp_path) == ""
    assert not path.exists()


def test_migrate_takes_over_what_an_earlier_harness_kept(tmp_path: Path) -> None:
    old_state(tmp_path)
    assert len(find_pickles(tmp_path)) == 2
    with serve(tmp_path) as served:  # starts without, and keeps the objects
        assert served.client("iam").list_users()["Users"] == []
        assert served.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"x"
    taken = migrate(tmp_path)
    assert taken == [
        f"ecr of {ACCOUNT} in us-east-1", f"iam of {ACCOUNT} in aws", "the settings of the bucket bucket",
    ]  # fmt: skip
    assert describe_old_state(tmp_path) == ""
    assert sorted(path.name for path in (tmp_path / "aws").iterdir()) == ["services.sqlite"]
    with serve(tmp_path) as served:
        iam, s3 = served.client("iam"), served.client("s3")
        assert iam.get_role(RoleName="mine")["Role"]["RoleName"] == "mine"
        (key,) = iam.list_access_keys(UserName="me")["AccessKeyMetadata"]
        assert served.backend.account_of(key["AccessKeyId"]) == ACCOUNT
        assert iam.get_account_summary()["SummaryMap"]["Users"] == 1
        (repository,) = served.client("ecr").describe_repositories()["repositories"]
        assert repository["imageTagMutability"] == "IMMUTABLE"
        served.client("ecr").put_registry_scanning_configuration(scanType="BASIC", rules=[])  # takes a lock
        assert s3.get_bucket_versioning(Bucket="bucket")["Status"] == "Enabled"
        assert s3.get_bucket_tagging(Bucket="bucket")["TagSet"] == [{"Key": "a", "Value": "b"}]
        assert "s3:GetObject" in s3.get_bucket_policy(Bucket="bucket")["Policy"]


def test_what_is_no_pickle_of_harness_is_refused(tmp_path: Path) -> None:
    for number, data in enumerate([b"", b"text", pickle.dumps(7), pickle.dumps(("5.2.5", 7))]):
        state = tmp_path / str(number)
        path = pickle_of(state, "iam", "aws", None)
        path.write_bytes(data)
        with pytest.raises(StateError):
            migrate(state)
        assert path.exists()
