"""Who the caller is, the role that is always there, and whether a principal may do a thing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.moto.serving import ACCOUNT, Served, serve

ROLE = f"arn:aws:iam::{ACCOUNT}:role/HarnessExecutionRole"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def policy(effect: str, action: Any, resource: Any = "*") -> str:
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


@pytest.mark.parametrize("account", [ACCOUNT, "999999999999"])
def test_caller_is_a_session_of_the_execution_role(served: Served, account: str) -> None:
    identity = served.client("sts", account).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/HarnessExecutionRole/harness"
    assert identity["Account"] == account
    role = served.client("iam", account).get_role(RoleName="HarnessExecutionRole")["Role"]
    assert role["Arn"] == f"arn:aws:iam::{account}:role/HarnessExecutionRole"
    assert "sagemaker.amazonaws.com" in role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"]
    assert role["RoleId"] == identity["UserId"].split(":")[0]


def test_assumed_role_is_the_caller(served: Served) -> None:
    served.client("iam").create_role(RoleName="Other", AssumeRolePolicyDocument=TRUST)
    arn = f"arn:aws:iam::{ACCOUNT}:role/Other"
    keys = served.client("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    given = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    identity = served.client("sts", keys=given).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/Other/me"
    assert served.backend.account_of(keys["AccessKeyId"]) == ACCOUNT
    assert served.backend.account_of("AKIAUNKNOWN") is None


def test_role_exists(served: Served) -> None:
    assert served.backend.role_exists(ACCOUNT, ROLE)
    assert not served.backend.role_exists(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/None")
    served.client("iam").create_role(RoleName="Mine", AssumeRolePolicyDocument=TRUST)
    assert served.backend.role_exists(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/Mine")
    assert served.backend.role_exists("999999999999", "arn:aws:iam::999999999999:role/HarnessExecutionRole")


def test_listed_roles_are_there_from_the_start(tmp_path: Path) -> None:
    """SDK v2 looks a role up that a program gives by its name."""
    with serve(tmp_path / "state", roles=("MyRole", "service-role/Other")) as served:
        for account in (ACCOUNT, "999999999999"):
            iam = served.client("iam", account)
            assert iam.get_role(RoleName="MyRole")["Role"]["Arn"] == f"arn:aws:iam::{account}:role/MyRole"
            other = iam.get_role(RoleName="Other")["Role"]
            assert other["Arn"] == f"arn:aws:iam::{account}:role/service-role/Other"
            [statement] = other["AssumeRolePolicyDocument"]["Statement"]
            assert "sagemaker.amazonaws.com" in statement["Principal"]["Service"]
        served.backend.reset()
        assert served.backend.role_exists(ACCOUNT, f"arn:aws:iam::{ACCOUNT}:role/MyRole")
        with pytest.raises(ClientError) as raised:
            served.client("iam").get_role(RoleName="None")
        error = raised.value.response["Error"]
        assert error["Code"] == "NoSuchEntity"
        assert error["Message"].startswith("The role with name None cannot be found.")
        assert 'harness.toml: [settings] roles = ["None"]' in error["Message"]


def test_simulation_is_decided_by_the_policies(served: Served) -> None:
    iam = served.client("iam")
    arn = iam.create_role(RoleName="Mine", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.put_role_policy(RoleName="Mine", PolicyName="a", PolicyDocument=policy("Allow", ["s3:Get*", "logs:*"]))
    iam.put_role_policy(
        RoleName="Mine", PolicyName="b", PolicyDocument=policy("Deny", "s3:GetObject", "arn:aws:s3:::x/*")
    )

    def decided(action: str, resource: str) -> str:
        asked = {"PolicySourceArn": arn, "ActionNames": [action], "ResourceArns": [resource]}
        (result,) = iam.simulate_principal_policy(**asked)["EvaluationResults"]
        assert (result["EvalActionName"], result["EvalResourceName"]) == (action, resource)
        return str(result["EvalDecision"])

    assert decided("s3:GetObject", "arn:aws:s3:::y/k") == "allowed"
    assert decided("s3:getobject", "arn:aws:s3:::x/k") == "explicitDeny"
    assert decided("s3:PutObject", "arn:aws:s3:::y/k") == "implicitDeny"
    asked = {"PolicySourceArn": ROLE, "ActionNames": ["s3:PutObject", "sagemaker:CreateTrainingJob"]}
    results = iam.simulate_principal_policy(**asked)["EvaluationResults"]
    assert [result["EvalDecision"] for result in results] == ["allowed", "allowed"]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.simulate_principal_policy(PolicySourceArn=f"arn:aws:iam::{ACCOUNT}:role/None", ActionNames=["s3:GetObject"])


def test_simulation_heeds_conditions_and_the_boundary(served: Served) -> None:
    iam = served.client("iam")
    allow = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    only_here = {**allow, "Condition": {"StringEquals": {"aws:RequestedRegion": "us-east-1"}}}
    written = {"Version": "2012-10-17", "Statement": only_here}
    limit = {"Version": "2012-10-17", "Statement": [{**allow, "Action": "s3:Get*"}]}
    boundary = iam.create_policy(PolicyName="limit", PolicyDocument=json.dumps(limit))["Policy"]["Arn"]
    made = iam.create_role(RoleName="Held", AssumeRolePolicyDocument=TRUST, PermissionsBoundary=boundary)
    iam.put_role_policy(RoleName="Held", PolicyName="a", PolicyDocument=json.dumps(written))
    entry = {"ContextKeyName": "aws:RequestedRegion", "ContextKeyValues": ["us-east-1"], "ContextKeyType": "string"}
    asked = {"PolicySourceArn": made["Role"]["Arn"], "ActionNames": ["s3:GetObject", "s3:PutObject"]}

    def decided(**more: Any) -> list[tuple[str, list[str]]]:
        results = iam.simulate_principal_policy(**asked, **more)["EvaluationResults"]
        return [(each["EvalDecision"], each["MissingContextValues"]) for each in results]

    assert decided() == [("implicitDeny", ["aws:RequestedRegion"])] * 2
    assert decided(ContextEntries=[entry]) == [("allowed", []), ("implicitDeny", [])]


def test_policies_of_aws_can_be_attached(served: Served) -> None:
    iam = served.client("iam")
    iam.create_role(RoleName="Mine", AssumeRolePolicyDocument=TRUST)
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.attach_role_policy(RoleName="Mine", PolicyArn=arn)
    assert iam.list_attached_role_policies(RoleName="Mine")["AttachedPolicies"][0]["PolicyArn"] == arn
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.attach_role_policy(RoleName="Mine", PolicyArn="arn:aws:iam::aws:policy/NoSuchPolicy")


def test_state_survives_a_restart(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        served.client("iam").create_role(RoleName="Mine", AssumeRolePolicyDocument=TRUST)
        served.client("ecr").create_repository(repositoryName="images")
        served.client("sns", region="eu-west-1").create_topic(Name="topic")
        served.client("secretsmanager").create_secret(Name="s", SecretString="hidden")
        role = served.client("iam").get_role(RoleName="HarnessExecutionRole")["Role"]["RoleId"]
        given = {"RoleArn": ROLE, "RoleSessionName": "me"}
        key = served.client("sts").assume_role(**given)["Credentials"]["AccessKeyId"]
    with serve(tmp_path) as served:
        assert served.client("iam").get_role(RoleName="Mine")["Role"]["RoleName"] == "Mine"
        assert served.client("iam").get_role(RoleName="HarnessExecutionRole")["Role"]["RoleId"] == role
        assert served.client("ecr").describe_repositories()["repositories"][0]["repositoryName"] == "images"
        assert len(served.client("sns", region="eu-west-1").list_topics()["Topics"]) == 1
        assert served.client("secretsmanager").get_secret_value(SecretId="s")["SecretString"] == "hidden"
        assert served.backend.account_of(key) == ACCOUNT


def test_errors_are_the_services_own(served: Served) -> None:
    for call, expected in [
        (lambda: served.client("iam").get_role(RoleName="none"), "NoSuchEntity"),
        (lambda: served.client("iam").get_credential_report(), "ReportNotPresent"),
        (lambda: served.client("iam").list_mfa_device_tags(SerialNumber="123456789"), "UnsupportedOperationException"),
        (
            lambda: served.client("sts").decode_authorization_message(EncodedMessage="x"),
            "UnsupportedOperationException",
        ),
        (lambda: served.client("ecr").describe_repositories(repositoryNames=["none"]), "RepositoryNotFoundException"),
        (
            lambda: served.client("ecr").get_account_setting(name="BASIC_SCAN_TYPE_VERSION"),
            "UnsupportedOperationException",
        ),
        (lambda: served.client("logs").test_metric_filter(filterPattern="x", logEventMessages=["x"]), "Unsupported"),
        (lambda: served.client("cloudwatch").get_metric_stream(Name="x"), "UnsupportedOperationException"),
        (lambda: served.client("scheduler").get_schedule(Name="none"), "ResourceNotFoundException"),
    ]:
        with pytest.raises(ClientError) as refused:
            call()
        assert expected in refused.value.response["Error"]["Code"]
        assert "<html" not in str(refused.value).lower()


def test_unknown_region_is_taken_as_it_is(served: Served) -> None:
    assert served.client("logs", region="mars-north-1").describe_log_groups()["logGroups"] == []
    assert served.client("ecr", region="mars-north-1").describe_repositories()["repositories"] == []


def test_bucket_tagged_by_the_tagging_service_stays_tagged(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        served.client("s3").create_bucket(Bucket="bucket")
        tagging = served.client("resourcegroupstaggingapi")
        tagging.tag_resources(ResourceARNList=["arn:aws:s3:::bucket"], Tags={"a": "1"})
    with serve(tmp_path) as served:
        assert served.client("s3").get_bucket_tagging(Bucket="bucket")["TagSet"] == [{"Key": "a", "Value": "1"}]
