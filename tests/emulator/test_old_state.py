"""A state folder of format 1, committed as an early harness left it: records and objects are there, pickles are named.

``state_of_format_1`` was written by harness before it kept the embedded services without pickles, on moto 5.2.5.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import boto3
import pytest
from click.testing import CliRunner

from harness.cli import UNFIT
from harness.cli.migrate import command as migrate
from harness.emulator import Emulator
from harness.kernel.errors import StateError
from harness.settings import Settings
from harness.stores.sqlite import SqliteRecords
from tests.cloud import Cloud

SAMPLE = Path(__file__).parent / "state_of_format_1"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    shutil.copytree(SAMPLE, tmp_path / "state")
    return tmp_path / "state"


def check_records_and_objects(cloud: Cloud) -> None:
    models = [
        model["ModelName"] for model in cloud.sagemaker.list_models(SortBy="Name", SortOrder="Ascending")["Models"]
    ]
    assert models == ["model-0", "model-1"]
    assert [each["ExperimentName"] for each in cloud.sagemaker.list_experiments()["ExperimentSummaries"]] == ["old"]
    assert cloud.s3.get_object(Bucket="team", Key="data/a.csv")["Body"].read() == b"3,4\n"
    first, second = cloud.s3.list_object_versions(Bucket="team")["Versions"]
    assert (first["IsLatest"], second["IsLatest"]) == (True, False)
    old = cloud.s3.get_object(Bucket="team", Key="data/a.csv", VersionId=second["VersionId"])
    assert (old["Body"].read(), old["Metadata"]) == (b"1,2\n", {"source": "old"})


def own_client(cloud: Cloud, service: str) -> boto3.client:
    """A client of the account that the sample belongs to."""
    keys = {"aws_access_key_id": "123456789012", "aws_secret_access_key": "x"}
    return boto3.client(service, endpoint_url=cloud.address, region_name="us-east-1", **keys)


def test_records_and_objects_are_migrated_and_pickles_on_request(state: Path) -> None:
    with Emulator(Settings(state=state, port=0)) as emulator:
        cloud = Cloud(emulator.address, state)
        check_records_and_objects(cloud)
        assert own_client(cloud, "iam").list_users()["Users"] == []
        cloud.close()
    log = (state / "emulator.log").read_text()
    assert "aws/iam/123456789012/aws.pickle" in log
    assert "harness migrate" in log
    refused = CliRunner().invoke(migrate, ["--state", str(state)], standalone_mode=False)
    assert refused.return_value == UNFIT
    assert "--trust-pickles" in refused.output
    assert (
        CliRunner().invoke(migrate, ["--state", str(state), "--trust-pickles"], standalone_mode=False).return_value == 0
    )
    with Emulator(Settings(state=state, port=0)) as emulator:
        cloud = Cloud(emulator.address, state)
        check_records_and_objects(cloud)
        assert own_client(cloud, "iam").get_role_policy(RoleName="old-role", PolicyName="p")["PolicyName"] == "p"
        repositories = own_client(cloud, "ecr").describe_repositories()["repositories"]
        assert "old-images" in [each["repositoryName"] for each in repositories]
        assert cloud.s3.get_bucket_versioning(Bucket="team")["Status"] == "Enabled"
        assert cloud.s3.get_bucket_tagging(Bucket="team")["TagSet"] == [{"Key": "owner", "Value": "ml"}]
        cloud.close()


def test_a_format_of_the_future_is_refused_by_name(state: Path) -> None:
    records = SqliteRecords(state / "records.sqlite")
    records.set_setting("format", "99")
    records.close()
    with pytest.raises(StateError, match=r"has format 99, harness .* reads format \d+; use the harness that wrote it"):
        Emulator(Settings(state=state, port=0)).start()
