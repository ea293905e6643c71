"""A user's project with an aws profile, and an emulator in a process of its own that plays the account."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from harness.clients.emulator_process import RunningEmulator, find, package_parent, stop
from harness.promotion.account import Account
from tests.aws_stand_in.fixtures import aws_project, stand_in, stand_in_process  # noqa: F401
from tests.projects import Project

ACCOUNT, REGION = "123456789012", "us-east-1"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
PROFILE = f'[profiles.aws]\naccount_id = "{ACCOUNT}"\nregion = "{REGION}"\nrole = "Role"\n'

# What scenarios of these tests do: a tiny model behind an endpoint, in boto3 alone.
HEAD = f"""
import io, os, tarfile, time
import boto3
SDK = "v2"
TITLE = "The title"
IMAGE = {IMAGE!r}

def bucket(session):
    session.client("s3").create_bucket(Bucket=session.bucket)

def model(session, client=None):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("xgboost-model"))
    key = f"{{session.run_id}}/model.tar.gz"
    session.client("s3").put_object(Bucket=session.bucket, Key=key, Body=packed.getvalue())
    name = f"m-{{session.run_id}}"
    container = {{"Image": IMAGE, "ModelDataUrl": f"s3://{{session.bucket}}/{{key}}"}}
    (client or session.client("sagemaker")).create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=session.role)
    return name

def endpoint(session, instance="ml.m5.large"):
    sagemaker, name = session.client("sagemaker"), model(session)
    variant = dict(VariantName="v", ModelName=name, InstanceType=instance, InitialInstanceCount=1)
    sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return name

"""


class PromotedProject(Project):
    """``harness`` with the user's own AWS variables, which lead to the emulator."""

    def __init__(self, folder: Path, address: str) -> None:
        super().__init__(folder)
        self.address = address
        self.environment |= {
            "AWS_ENDPOINT_URL": address,
            "AWS_ACCESS_KEY_ID": ACCOUNT,
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        self.configure(PROFILE)

    def story(self, name: str, body: str) -> None:
        self.scenario(name, body, head=HEAD)

    def client(self, service: str) -> Any:
        return client(self.address, service)

    def there(self) -> list[str]:
        """What of SageMaker is in the account and costs money or could be deleted."""
        sagemaker = self.client("sagemaker")
        jobs = sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"]
        return [
            *(each["EndpointName"] for each in sagemaker.list_endpoints()["Endpoints"]),
            *(each["EndpointConfigName"] for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]),
            *(each["ModelName"] for each in sagemaker.list_models()["Models"]),
            *(each["TrainingJobName"] for each in jobs),
        ]

    def objects(self) -> list[str]:
        s3 = self.client("s3")
        return [
            f"{bucket['Name']}/{found['Key']}"
            for bucket in s3.list_buckets()["Buckets"]
            for found in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
        ]

    def report(self) -> Any:
        (file,) = (self.state / "reports").glob("*/report.json")
        return json.loads(file.read_text())


def client(address: str, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=address,
        region_name=REGION,
        aws_access_key_id=ACCOUNT,
        aws_secret_access_key="secret",
        config=Config(retries={"total_max_attempts": 1}),
    )


def make_role(address: str, service: str = "sagemaker.amazonaws.com", allowed: str = "*") -> None:
    """The role of ``PROFILE``."""
    iam = client(address, "iam")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="Role", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
    may = {"Effect": "Allow", "Action": allowed, "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [may]})
    iam.put_role_policy(RoleName="Role", PolicyName="May", PolicyDocument=document)


@pytest.fixture(scope="session")
def account_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningEmulator]:
    """The account: an emulator, started as its users start it."""
    state = tmp_path_factory.mktemp("account") / ".harness"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HARNESS_"))}
    environment |= {"PYTHONPATH": package_parent(), "HARNESS_GRACE": "1"}
    argv = [sys.executable, "-m", "harness.cli", "start", "--port", "0", "--state", str(state)]
    subprocess.run(argv, env=environment, check=True, capture_output=True, timeout=60)
    emulator = find(state)
    assert emulator is not None
    yield emulator
    stop(emulator)


@pytest.fixture(scope="session")
def account_process(account_emulator: RunningEmulator) -> str:
    """The address of the account."""
    return account_emulator.address


@pytest.fixture
def project(tmp_path: Path, account_process: str, account_emulator: RunningEmulator) -> PromotedProject:
    account_emulator.ask("/_harness/reset", "POST", timeout=30)
    make_role(account_process)
    return PromotedProject(tmp_path, account_process)


@pytest.fixture
def account(project: PromotedProject) -> Account:
    """The same account as code of the promotion layer has it."""

    class Session:
        def client(self, service: str, **more: Any) -> Any:
            return client(project.address, service)

    return Account(Session(), ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", REGION)
