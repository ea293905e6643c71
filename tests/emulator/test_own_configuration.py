"""The AWS configuration of the machine's user neither breaks the emulator nor leads it elsewhere."""

from __future__ import annotations

from pathlib import Path

import boto3
import pytest
from botocore.config import Config

from harness.clients import emulator_process
from harness.clients.emulator_process import StartOptions


def test_a_broken_aws_configuration_does_not_reach_the_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "config"
    broken.write_bytes(b"[default\nthis = = is no configuration\x00\xff")
    with monkeypatch.context() as users:
        for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
            users.setenv(name, str(broken))
        for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE"):
            users.setenv(name, "no-such-profile")
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_CLOUDWATCH"):
            users.setenv(name, "http://127.0.0.1:9")
        emulator = emulator_process.start(tmp_path / "state", StartOptions(port=0))
    try:
        given = {
            "endpoint_url": emulator.address,
            "region_name": "us-east-1",
            "aws_access_key_id": "123456789012",
            "aws_secret_access_key": "x",
            "config": Config(retries={"total_max_attempts": 1}),
        }
        # moto makes a botocore session of its own for CloudWatch.
        assert boto3.client("cloudwatch", **given).list_metrics()["Metrics"] == []
        boto3.client("s3", **given).create_bucket(Bucket="mine-b")
        assert boto3.client("sagemaker", **given).list_models()["Models"] == []
    finally:
        emulator_process.stop(emulator)
