"""The compose file, without containers: an emulator and a client with the settings that it gives to its services."""

from __future__ import annotations

import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.docs.pages import ROOT

SECRET = "a-secret"


def services() -> Any:
    text = (ROOT / "harness" / "docs" / "compose.yml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["services"]


def environment(service: Any) -> dict[str, str]:
    """The service's variables, with the user's secret in the place of the reference to it."""
    named = service["environment"].items()
    return {name: SECRET if str(value).startswith("${HARNESS_CLIENT_SECRET") else str(value) for name, value in named}


def client(service: str, at: str, secret: str, style: str = "path") -> Any:
    variables = environment(services()["tests"])
    return boto3.client(
        service,
        endpoint_url=variables["AWS_ENDPOINT_URL"].replace(":4599", at),
        region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=secret,
        config=Config(s3={"addressing_style": style}, retries={"total_max_attempts": 1}),
    )


def test_the_services_of_the_compose_file_find_and_trust_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = shlex.split(shlex.split(services()["emulator"]["command"])[-1])
    argv = [sys.executable, *words[words.index("-m") :]]
    argv[argv.index("--port") + 1], argv[argv.index("--state") + 1] = "0", str(tmp_path / "state")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HARNESS_"))}
    variables = inherited | environment(services()["emulator"]) | {"PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        argv, cwd=tmp_path, env=variables, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as emulator:
        try:
            assert emulator.stdout is not None
            assert emulator.stderr is not None
            at = ":" + emulator.stdout.readline().strip().rpartition(":")[2]
            assert "warning: listening on 0.0.0.0" in emulator.stderr.readline()
            look_up = socket.getaddrinfo  # the names that a network of compose has
            monkeypatch.setattr(socket, "getaddrinfo", lambda host, *rest, **more: look_up("127.0.0.1", *rest, **more))
            secret = environment(services()["tests"])["AWS_SECRET_ACCESS_KEY"]
            client("s3", at, secret).create_bucket(Bucket="bucket")
            client("s3", at, secret, "virtual").put_object(Bucket="bucket", Key="k", Body=b"x")
            assert client("s3", at, secret).list_objects_v2(Bucket="bucket")["KeyCount"] == 1
            assert client("sagemaker", at, secret).list_models()["Models"] == []
            with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
                client("s3", at, "another").list_buckets()
        finally:
            emulator.terminate()
            emulator.wait(30)
