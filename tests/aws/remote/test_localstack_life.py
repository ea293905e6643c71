"""A LocalStack that the emulator starts, finds, or does not get: its beginning, its end, and what a reset takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from harness.aws.remote.health import ask, read_configured_address
from harness.emulator import Emulator
from harness.kernel.errors import StateError
from harness.settings import Settings
from tests.cloud import eventually

pytestmark = pytest.mark.needs("localstack")


@pytest.fixture(autouse=True)
def _nothing_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever runs on the developer's machine."""
    monkeypatch.setenv("HARNESS_LOCALSTACK", "host")
    for variable in ("LOCALSTACK_ENDPOINT", "LOCALSTACK_HOST"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("harness.aws.remote.health.DEFAULT", "127.0.0.1:1")


def settings(state: Path) -> Settings:
    return Settings(state=state, port=0, grace=5.0, aws_backend="localstack", account="000000000000")


def s3(address: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


def backing(emulator: Emulator) -> str:
    """The address of its LocalStack, once it is there."""
    s3(emulator.address).list_buckets()
    return str(emulator.facts()["aws"]["address"])


def processes(folder: Path) -> list[int]:
    """Those that work in a folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if entry.readlink().is_relative_to(folder):
                found.append(int(entry.parts[2]))
        except OSError:
            continue
    return found


def test_one_of_ours_starts_resets_and_ends_with_us(tmp_path: Path) -> None:
    state = tmp_path / ".harness"
    with Emulator(settings(state)) as emulator:
        client = s3(emulator.address)
        client.create_bucket(Bucket="first-bucket")
        address = backing(emulator)
        assert s3(address).list_buckets()["Buckets"][0]["Name"] == "first-bucket"
        assert "a process of its own" in emulator.facts()["aws"]["localstack"]
        emulator._reset()
        assert client.list_buckets()["Buckets"] == []
        address = backing(emulator)
        assert processes(state / "localstack")
    assert ask(address) is None
    assert processes(state / "localstack") == []
    assert not (state / "localstack").exists()


def test_it_ends_with_an_emulator_that_is_killed(tmp_path: Path) -> None:
    state = tmp_path / ".harness"
    command = [sys.executable, "-m", "harness.emulator", "--state", str(state), "--port", "0"]
    environment = {**os.environ, "HARNESS_AWS_BACKEND": "localstack"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        s3(process.stdout.readline().strip()).list_buckets()
        assert processes(state / "localstack")
        process.send_signal(signal.SIGKILL)
    eventually(lambda: not processes(state / "localstack"))


def test_one_that_dies_is_told_of(tmp_path: Path) -> None:
    state = tmp_path / ".harness"
    with Emulator(settings(state)) as emulator:
        client = s3(emulator.address)
        client.list_buckets()
        for pid in processes(state / "localstack"):
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: not processes(state / "localstack"))

        def told() -> bool:
            with pytest.raises(ClientError, match="ServiceUnavailable") as refused:  # at first of a connection it reset
                client.list_buckets()
            return "has ended, and its data with it" in str(refused.value)

        eventually(told)


def test_an_end_in_the_middle_of_its_start_leaves_nothing(tmp_path: Path) -> None:
    state = tmp_path / ".harness"
    with Emulator(settings(state)):
        eventually(lambda: processes(state / "localstack"))
        began = time.monotonic()
    assert time.monotonic() - began < 20
    assert processes(state / "localstack") == []


def test_of_anothers_a_reset_takes_only_what_was_made_here(
    localstack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCALSTACK_ENDPOINT", localstack)
    theirs, ours = s3(localstack), "made-through-harness"
    theirs.create_bucket(Bucket="made-by-them")
    theirs.put_object(Bucket="made-by-them", Key="k", Body=b"x")
    with Emulator(settings(tmp_path / ".harness")) as emulator:
        client = s3(emulator.address)
        client.create_bucket(Bucket=ours)
        client.put_bucket_versioning(Bucket=ours, VersioningConfiguration={"Status": "Enabled"})
        for body in (b"1", b"2"):
            client.put_object(Bucket=ours, Key="k", Body=body)
        client.delete_object(Bucket=ours, Key="k")
        client.create_multipart_upload(Bucket=ours, Key="never finished")
        assert emulator.facts()["aws"]["localstack"].endswith(", found running")
    with Emulator(settings(tmp_path / ".harness")) as emulator:
        emulator._reset()
    names = [bucket["Name"] for bucket in theirs.list_buckets()["Buckets"]]
    assert "made-by-them" in names
    assert ours not in names
    assert ask(localstack) is not None


def test_one_that_is_named_must_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:1")
    with pytest.raises(StateError, match=r"no LocalStack answers at http://127.0.0.1:1, which LOCALSTACK_HOST names"):
        Emulator(settings(tmp_path / ".harness")).start()


def test_without_its_environment_and_leave_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    given = replace(settings(tmp_path / ".harness"), install=False)
    said = pytest.raises(ClientError, match=r"ServiceUnavailable.*environment of localstack is not installed")
    with Emulator(given) as emulator, said:
        s3(emulator.address).list_buckets()


@pytest.mark.parametrize(
    ("given", "address"),
    [
        ("somewhere", "http://somewhere:4566"),
        ("somewhere:1234", "http://somewhere:1234"),
        ("https://somewhere/", "https://somewhere"),
        ("", "http://127.0.0.1:1"),
    ],
)
def test_where_it_is_looked_for(given: str, address: str) -> None:
    assert read_configured_address({"LOCALSTACK_HOST": given})[0] == address


def test_what_is_no_address_is_refused() -> None:
    with pytest.raises(StateError, match="LOCALSTACK_ENDPOINT=http://h:port"):
        read_configured_address({"LOCALSTACK_ENDPOINT": "http://h:port"})
