"""Preflight of what a profile names beside the scenario: network, keys, bucket, names. Moto is the account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from harness.promotion.account import Account
from harness.promotion.destination import Destination
from harness.promotion.plan import PlannedResource, RunPlan
from harness.promotion.preflight.bucket_network_keys import check_bucket, check_keys, check_network
from harness.promotion.preflight.findings import FAILURE, OK, Finding
from harness.promotion.preflight.names import check_names
from harness.promotion.preflight.permissions import check_role
from tests.promotion.conftest import ACCOUNT, REGION

HERE = Destination("aws", ACCOUNT, REGION, "Role")


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    with mock_aws():
        session = boto3.Session("AKIAIOSFODNN7EXAMPLE", "secret", region_name=REGION)
        yield Account(session, ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/me", REGION)


def one(found: Iterator[Finding]) -> Finding:
    (finding,) = found
    return finding


def network(account: Account, block: str) -> tuple[str, str]:
    """A subnet and a security group of a VPC of their own."""
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock=block)["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock=block)["Subnet"]["SubnetId"]
    group = ec2.create_security_group(VpcId=vpc, GroupName="g", Description="g")["GroupId"]
    return subnet, group


def test_subnets_and_groups_are_there_and_of_one_network(there: Account) -> None:
    (subnet, group), (_, other) = network(there, "10.1.0.0/24"), network(there, "10.2.0.0/24")
    ours = replace(HERE, subnets=(subnet,), security_groups=(group,))
    assert one(check_network(there, ours)).state == OK
    found = one(check_network(there, replace(ours, security_groups=(other,))))
    assert (found.state, "belong to several VPCs" in found.message) == (FAILURE, True)
    for wrong in ({"subnets": ("subnet-12345678",)}, {"security_groups": ("sg-12345678",)}):
        found = one(check_network(there, replace(ours, **wrong)))
        assert found.state == FAILURE
        assert next(iter(wrong.values()))[0] in found.message
        assert "use subnets and security_groups" in found.remedy
    assert list(check_network(there, HERE)) == []


def test_a_key_must_be_there_and_enabled(there: Account) -> None:
    kms = there.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    keys = replace(HERE, kms={"volume": key})
    assert one(check_keys(there, keys)).state == OK
    kms.disable_key(KeyId=key)
    found = one(check_keys(there, keys))
    assert (found.state, found.message) == (FAILURE, f"{key} is Disabled")
    found = one(check_keys(there, replace(HERE, kms={"output": "11111111-2222-3333-4444-555555555555"})))
    assert (found.topic, "does not exist in us-east-1" in found.message) == ("output key", True)
    signing = kms.create_key(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyMetadata"]["KeyId"]
    assert one(check_keys(there, replace(HERE, kms={"volume": signing}))).message == f"{signing} is for SIGN_VERIFY"


def test_a_bucket_is_there_or_will_be(there: Account) -> None:
    assert "does not exist; the SDKs create it" in one(check_bucket(there, HERE)).message
    there.client("s3").create_bucket(Bucket=HERE.default_bucket)
    found = one(check_bucket(there, HERE))
    assert (found.state, found.message) == (OK, f"{HERE.default_bucket} exists in us-east-1")


def test_a_role_with_a_path_is_told_in_full(there: Account) -> None:
    trust = '{"Version": "2012-10-17", "Statement": []}'
    made = there.client("iam").create_role(RoleName="Role", Path="/service-role/", AssumeRolePolicyDocument=trust)
    found = one(check_role(there, HERE, []))
    assert (found.state, f'set role = "{made["Role"]["Arn"]}"' in found.remedy) == (FAILURE, True)
    first, *_ = check_role(there, replace(HERE, role=made["Role"]["Arn"]), [])
    assert "does not let SageMaker assume it" in first.message


def test_a_fixed_name_must_be_free_and_a_fresh_one_always_is(there: Account) -> None:
    there.client("sagemaker").create_model(
        ModelName="taken", PrimaryContainer={"Image": "i"}, ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/Role"
    )
    named = [
        PlannedResource("Model", None, (), None, name=name)
        for name in ("taken", "free", "x-20260101-000000-0a1b", "x-2026-01-01-00-00-00-123")
    ]
    found = {finding.message: finding for finding in check_names(there, [RunPlan("it", (), tuple(named), None)])}
    assert set(found) == {"a Model named 'taken' exists already", "Model 'free' is free"}
    taken = found["a Model named 'taken' exists already"]
    assert (taken.state, "session.run_id" in taken.remedy) == (FAILURE, True)
    fresh = one(check_names(there, [RunPlan("it", (), tuple(named[2:]), None)]))
    assert (fresh.state, fresh.message) == (OK, "all are new with every run")
