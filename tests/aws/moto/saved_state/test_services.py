"""The embedded services over kills, other versions of moto and full disks."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from moto.iam.models import Role, User
from moto.sqs.models import Message

from harness.aws.moto import backend as moto_backend
from harness.aws.moto.saved_state import bucket_settings, migrations, new_fields, services
from harness.kernel.errors import StateError
from tests.aws.moto.saved_state.kept_services import TRUST, look, make
from tests.aws.moto.serving import Served, client, running, serve


@contextmanager
def rows(state: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(state / "aws" / "services.sqlite", isolation_level=None)) as db:
        yield db


def other_moto(monkeypatch: pytest.MonkeyPatch, version: str = "5.2.6") -> None:
    for module in (moto_backend, services, bucket_settings):
        monkeypatch.setattr(module, "moto_version", lambda: version)


def limit_growth(backend: Any, pages: int) -> None:
    """A full disk, as SQLite tells of it."""
    db = backend._rows._db
    (now,) = db.execute("PRAGMA page_count").fetchone()
    (free,) = db.execute("PRAGMA freelist_count").fetchone()
    db.execute(f"PRAGMA max_page_count = {now - free + pages if pages else 2**31}").fetchone()


def test_everything_is_there_after_sigkill_and_under_the_next_moto(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path) as (address, process):
        make(partial(client, address))
        before = look(partial(client, address))
        process.kill()
    with serve(tmp_path) as served:
        assert look(served.client) == before
    other_moto(monkeypatch)
    with serve(tmp_path) as served:
        assert look(served.client) == before
    with rows(tmp_path) as db:  # read and rewritten at the start
        for table in ("backend", "entry", "element"):
            assert db.execute(f"SELECT DISTINCT moto FROM {table}").fetchall() == [("5.2.6",)]
    monkeypatch.undo()
    with serve(tmp_path) as served:  # and back
        assert look(served.client) == before
        queue = served.client("sqs").get_queue_url(QueueName="dead")["QueueUrl"]
        served.client("sqs").purge_queue(QueueUrl=queue)
        served.client("logs").delete_log_group(logGroupName="/mine")
    with rows(tmp_path) as db:
        assert db.execute("SELECT count(*) FROM entry WHERE list LIKE '%/mine%'").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM element WHERE service = 'sqs'").fetchone() == (3,)


def test_a_moto_with_other_models(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with serve(tmp_path) as served:
        iam, sqs = served.client("iam"), served.client("sqs")
        iam.create_role(RoleName="mine", AssumeRolePolicyDocument=TRUST)
        iam.create_user(UserName="me")
        url = sqs.create_queue(QueueName="q")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody="text")

    other_moto(monkeypatch)
    new_fields._fields_of.cache_clear()  # of the moto that was
    made = Role.__init__

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        self.review = {}
        self.reviewer = str(named)
        made(self, *given, **named)

    # Fields that are new, one that has another name now, and a class that has.
    monkeypatch.setattr(Role, "__init__", __init__)
    monkeypatch.setitem(migrations.RENAMED_FIELDS, "moto.iam.models.Role", {"description": "_description"})
    monkeypatch.setattr(Role, "description", property(lambda role: role._description), raising=False)
    successor = type("QueueMessage", (Message,), {"__module__": "moto.sqs.models"})
    monkeypatch.setattr("moto.sqs.models.QueueMessage", successor, raising=False)
    monkeypatch.delattr("moto.sqs.models.Message")
    monkeypatch.setitem(migrations.RENAMED_CLASSES, "moto.sqs.models.Message", "moto.sqs.models.QueueMessage")
    with serve(tmp_path) as served:
        from moto.iam.models import iam_backends

        role = served.client("iam").get_role(RoleName="mine")["Role"]
        assert role["RoleName"] == "mine"
        assert "Description" not in role
        (model,) = (role for role in iam_backends["123456789012"]["aws"].roles.values() if role.name == "mine")
        assert (model.review, model.reviewer) == ({}, None)
        received = served.client("sqs").receive_message(QueueUrl=url)["Messages"]
        assert [message["Body"] for message in received] == ["text"]
    assert "moto.iam.models.Role has a new field reviewer; it is None in what was stored before" in caplog.messages


def test_state_that_cannot_be_read_refuses_the_start_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(tmp_path) as served:
        served.client("iam").create_user(UserName="me")
    with rows(tmp_path) as db:
        kept = db.execute("SELECT document FROM backend").fetchall()

    def refused() -> str:
        with pytest.raises(StateError) as error, serve(tmp_path):
            pass
        return str(error.value)

    other_moto(monkeypatch)
    monkeypatch.delattr("moto.iam.models.User")
    text = refused()
    assert "iam (123456789012, aws)" in text
    assert "the class moto.iam.models.User" in text
    assert "install moto 5.2." in text
    assert "harness reset" in text
    with rows(tmp_path) as db:
        assert db.execute("SELECT document FROM backend").fetchall() == kept
        db.execute("UPDATE settings SET value = '2' WHERE name = 'format'")
    assert "has format 2" in refused()
    with rows(tmp_path) as db:
        db.execute("UPDATE settings SET value = '1' WHERE name = 'format'")
        db.execute("UPDATE backend SET document = substr(document, 1, 100)")
    assert "a document of iam is not valid JSON" in refused()
    with rows(tmp_path) as db:
        db.execute("DELETE FROM backend")
        db.execute("INSERT INTO backend VALUES (?,?,?,?,?)", ("iam", "123456789012", "aws", "5.2.5", *kept[0]))
    monkeypatch.undo()
    with serve(tmp_path) as served:
        assert served.client("iam").get_user(UserName="me")["User"]["UserName"] == "me"
    (tmp_path / "aws" / "services.sqlite").write_bytes(b"no database")
    assert "is damaged or no file of harness" in refused()


def test_a_full_disk_refuses_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        ssm, iam, s3 = served.client("ssm"), served.client("iam"), served.client("s3")
        ssm.put_parameter(Name="/kept", Value="1", Type="String")
        s3.create_bucket(Bucket="bucket")
        limit_growth(served.backend, 3)
        for number in range(100):
            try:
                ssm.put_parameter(Name=f"/p/{number}", Value="x" * 4000, Type="String")
            except ClientError as error:
                refused = error.response
                break
        else:
            pytest.fail("a full disk refused nothing")
        assert refused["Error"]["Code"] == "InternalFailure"
        assert "full" in refused["Error"]["Message"]
        with pytest.raises(ssm.exceptions.ParameterNotFound):
            ssm.get_parameter(Name=f"/p/{number}")
        policy = json.dumps({"Version": "2012-10-17", "Statement": [], "Id": "x" * 60_000})
        with pytest.raises(ClientError, match="full"):
            iam.create_role(RoleName="big", AssumeRolePolicyDocument=policy, Description="d" * 900)
        with pytest.raises(iam.exceptions.NoSuchEntityException):
            iam.get_role(RoleName="big")
        s3.put_object(Bucket="bucket", Key="k", Body=b"x")  # has a file of its own
        served.backend.put_metrics("123456789012", "us-east-1", "N", [])
        limit_growth(served.backend, 0)
        ssm.put_parameter(Name="/after", Value="2", Type="String")
    with serve(tmp_path) as served:
        pages = served.client("ssm").get_paginator("describe_parameters").paginate()
        names = [each["Name"] for page in pages for each in page["Parameters"]]
        assert {"/kept", "/after"} <= set(names)
        assert f"/p/{number}" not in names
        assert len(names) == number + 2


def test_a_full_disk_takes_bucket_settings_back(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        s3 = served.client("s3")
        s3.create_bucket(Bucket="bucket")
        s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
        db = served.backend._ready()._rows._db
        (pages,) = db.execute("PRAGMA page_count").fetchone()
        db.execute(f"PRAGMA max_page_count = {pages}").fetchone()
        tags = [{"Key": f"k{number}", "Value": "v" * 256} for number in range(40)]
        with pytest.raises(ClientError, match="full"):
            s3.put_bucket_tagging(Bucket="bucket", Tagging={"TagSet": tags})
        assert s3.get_bucket_tagging(Bucket="bucket")["TagSet"] == [{"Key": "a", "Value": "b"}]
        with pytest.raises(ClientError, match="full"):
            s3.put_bucket_policy(Bucket="bucket", Policy=json.dumps({"Statement": [], "Id": "x" * 9000}))
        with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
            s3.get_bucket_policy(Bucket="bucket")


def test_what_cannot_be_kept_is_refused_not_lost(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    iam = served.client("iam")
    iam.create_user(UserName="me")
    monkeypatch.setattr(User, "console", print, raising=False)
    made = User.__init__

    def __init__(self: Any, *given: Any, **named: Any) -> None:  # noqa: N807
        made(self, *given, **named)
        self.callback = print

    monkeypatch.setattr(User, "__init__", __init__)
    with pytest.raises(ClientError, match=r"callback is a builtins\.builtin_function_or_method"):
        iam.create_user(UserName="other")
    assert [user["UserName"] for user in iam.list_users()["Users"]] == ["me"]


def test_a_refused_request_changes_nothing(served: Served) -> None:
    iam = served.client("iam")
    iam.create_user(UserName="me")
    iam.create_user(UserName="other")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName="me")
    with pytest.raises(ClientError):
        iam.delete_role(RoleName="none")
    assert len(iam.list_users()["Users"]) == 2


def test_many_messages_are_written_one_by_one(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        sqs = served.client("sqs")
        url = sqs.create_queue(QueueName="q", Attributes={"VisibilityTimeout": "600"})["QueueUrl"]
        for number in range(12):
            sqs.send_message(QueueUrl=url, MessageBody=str(number))
        (first, *_) = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=1)["Messages"]
        sqs.delete_message(QueueUrl=url, ReceiptHandle=first["ReceiptHandle"])
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)
        with rows(tmp_path) as db:
            kept = [json.loads(document) for (document,) in db.execute("SELECT document FROM element ORDER BY key")]
        assert [each["body"] for each in kept] == [str(number) for number in range(1, 12)]
        assert [each["approximate_receive_count"] for each in kept] == [1, 1, *[0] * 9]
    with serve(tmp_path) as served:
        left = served.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert sorted(int(message["Body"]) for message in left) == list(range(3, 12))
