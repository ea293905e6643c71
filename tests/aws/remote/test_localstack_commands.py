"""What the command line says of an emulator on LocalStack, and how a shell is pointed straight at it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.aws.remote.conftest import HOME
from tests.cloud import Cloud

pytestmark = pytest.mark.needs("localstack")


def harness(*arguments: str, cwd: Path) -> str:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    root = Path(__file__).parents[3]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, env={"PYTHONPATH": str(root), "PATH": ""}, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_shell_straight_at_localstack(cloud: Cloud, localstack: str, tmp_path: Path) -> None:
    """The account is the emulator's own, though nothing says here that it runs on LocalStack."""
    given = json.loads(harness("env", "--direct-s3", "--json", "--state", str(cloud.state), cwd=tmp_path))["set"]
    assert (given["AWS_ENDPOINT_URL"], given["AWS_ENDPOINT_URL_S3"]) == (cloud.address, localstack)
    assert given["AWS_ACCESS_KEY_ID"] == HOME
    usual = json.loads(harness("env", "--json", "--state", str(cloud.state), cwd=tmp_path))["set"]
    assert "AWS_ENDPOINT_URL_S3" not in usual


def test_status_says_what_stands_behind(cloud: Cloud, localstack: str, tmp_path: Path) -> None:
    told = harness("status", "--state", str(cloud.state), cwd=tmp_path)
    assert f"localstack: 4.9.2, found running; address: {localstack}; by moto: ecr" in told
