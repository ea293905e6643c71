"""What caller and role need, as policies; and reading what is attached where IAM may not simulate."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.kernel.policy_evaluation import ALLOWED, DENIED, UNSURE, Policies
from harness.promotion.account import Account
from harness.promotion.destination import Destination
from harness.promotion.plan import ApiCall, Machines, PlannedResource, RunPlan
from harness.promotion.preflight.actions import ArnScope, caller_needs, policy, role_needs
from harness.promotion.preflight.images import check_images
from harness.promotion.preflight.policy_reader import read_policies
from harness.promotion.preflight.preflight_permissions import preflight_needs
from harness.promotion.preflight.quotas import peaks
from tests.promotion.conftest import ACCOUNT, IMAGE, REGION, PromotedProject

HERE = Destination("aws", ACCOUNT, REGION, "Role", bucket="mine", kms={"volume": "1234-abcd"}, subnets=("subnet-1",))
GOLDEN = Path(__file__).with_name("minimal_policies.json")
BASE = {"Effect": "Allow", "Resource": "*"}
DENY = {"Effect": "Deny", "Action": "s3:Put*"}


def plan(*resources: PlannedResource, calls: tuple[ApiCall, ...] = ()) -> RunPlan:
    return RunPlan("it", ("One",), resources, Path("run"), calls)


def job(kind: str, instance_type: str, at: float, seconds: float, **more: Any) -> PlannedResource:
    return PlannedResource(kind, more.pop("step", "One"), (Machines(instance_type, 1),), seconds, at=at, **more)


def test_the_minimal_policies_are_these() -> None:
    calls = (
        ApiCall("sagemaker", "CreateTrainingJob"),
        ApiCall("sagemaker", "DescribeTrainingJob"),
        ApiCall("sagemaker", "Search"),
        ApiCall("sagemaker-runtime", "InvokeEndpoint"),
        ApiCall("s3", "UploadPart"),
        ApiCall("s3", "CopyObject", "theirs"),
        ApiCall("sts", "GetCallerIdentity"),
        ApiCall("logs", "GetLogEvents"),
    )
    plans = [plan(job("TrainingJob", "ml.m5.large", 0, 1, images=(IMAGE,)), calls=calls)]
    where = ArnScope("aws", ACCOUNT, REGION)
    found = {
        "caller": policy(caller_needs(plans, HERE, where)),
        "role": policy(role_needs(plans, HERE, where)),
        "preflight": policy(preflight_needs(plans, HERE, where, f"arn:aws:iam::{ACCOUNT}:user/me")),
    }
    assert found == json.loads(GOLDEN.read_text())


def test_what_changes_something_is_allowed_by_name_and_looks_by_kind() -> None:
    run, moment = "20261122-214549-a9d3", "2026-11-22-21-45-56-971"
    names = (
        ("TrainingJob", f"my-training-{moment}"),
        ("Endpoint", f"it-{run}"),
        ("EndpointConfig", f"it-{run}"),
        ("Experiment", "Fixed"),
    )
    created = tuple(ApiCall("sagemaker", f"Create{kind}") for kind, _ in names)
    learned = replace(plan(calls=(*created, ApiCall("sagemaker", "CreateModel"))), names=names)

    def allowed(plans: list[RunPlan], action: str) -> set[str]:
        needs = caller_needs(plans, HERE, ArnScope("aws", ACCOUNT, REGION))
        arns = {arn for need in needs if action in need.actions for arn in need.resources}
        return {arn.removeprefix(f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:") for arn in arns}

    assert allowed([learned], "sagemaker:StopTrainingJob") == {"training-job/my-training-*"}
    assert allowed([learned], "sagemaker:CreateEndpoint") == {"endpoint/it-*", "endpoint-config/it-*"}
    assert allowed([learned], "sagemaker:DeleteExperiment") == {"experiment/Fixed", "experiment/fixed"}
    assert allowed([learned], "sagemaker:DeleteModel") == {"model/*"}
    assert allowed([learned], "sagemaker:DescribeEndpoint") == {"endpoint/*"}
    assert allowed([learned], "sagemaker:ListEndpoints") == {"*"}
    assert "endpoint/it-*" in allowed([learned], "sagemaker:AddTags")
    assert "*" not in allowed([learned], "sagemaker:AddTags")
    # Of a scenario that was never run no names are known.
    assert allowed([learned, plan()], "sagemaker:CreateEndpoint") == {"endpoint/*", "endpoint-config/*"}


def test_a_role_that_the_sdk_checks_is_allowed_what_it_asks_for() -> None:
    away = replace(HERE, subnets=())
    trains, checks = ApiCall("sagemaker", "CreateTrainingJob"), ApiCall("iam", "SimulatePrincipalPolicy")
    where = ArnScope("aws", ACCOUNT, REGION)

    def sids(*calls: ApiCall) -> set[str]:
        return {need.sid for need in role_needs([plan(calls=calls)], away, where)}

    assert sids(trains, checks) - sids(trains) == {"Network"}
    (asked,) = (need for need in caller_needs([plan(calls=(trains, checks))], away, where) if need.sid == "Role")
    assert asked.resources == (f"arn:aws:iam::{ACCOUNT}:role/Role",)


@pytest.mark.parametrize(
    ("given", "verdict"),
    [
        ([{**BASE, "Action": "s3:*"}], ALLOWED),
        ([{**BASE, "Action": ["S3:putobject"]}], ALLOWED),
        ([{**BASE, "Action": "s3:Get*"}], DENIED),
        ([{**BASE, "NotAction": "iam:*"}], ALLOWED),
        ([{**BASE, "Action": "s3:*", "Resource": "arn:aws:s3:::theirs/*"}], DENIED),
        ([{**BASE, "Action": "s3:*", "Resource": "arn:aws:s3:::mi??/*"}], ALLOWED),
        ([{"Effect": "Allow", "Action": "s3:*", "NotResource": "arn:aws:s3:::mine/*"}], DENIED),
        ([{**BASE, "Action": "*"}, {**BASE, "Action": "s3:Put*", "Effect": "Deny"}], DENIED),
        ([{**BASE, "Action": "s3:*", "Condition": {"Bool": {"aws:SecureTransport": True}}}], ALLOWED),
        ([{**BASE, "Action": "s3:*", "Condition": {"StringNotEquals": {"aws:RequestedRegion": REGION}}}], DENIED),
        ([{**BASE, "Action": "s3:*", "Condition": {"StringLikeIfExists": {"AWS:requestedregion": "us-*"}}}], ALLOWED),
        ([{**BASE, "Action": "s3:*", "Condition": {"Null": {"aws:RequestedRegion": "true"}}}], UNSURE),
        ([{**BASE, "Action": "s3:*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}], UNSURE),
        ([{**BASE, "Action": "*"}, {**BASE, **DENY, "Condition": {"Bool": {"aws:ViaAWSService": "true"}}}], UNSURE),
        ([{**BASE, "Action": "*"}, {**DENY, "Resource": "arn:aws:s3:::mine/${aws:username}/*"}], UNSURE),
        ([{**BASE, "Action": "*"}, {**DENY, "Resource": "arn:aws:s3:::theirs/${aws:username}/*"}], ALLOWED),
        ([{**BASE, "Action": "*"}, {**DENY, "Resource": "arn:aws:s3:::mine/k*x"}], UNSURE),
        ([{**BASE, "Action": "s3:*", "Resource": "arn:aws:s3:::mine/key-2026*"}], UNSURE),
        ([{**BASE, "Action": "*"}, {**DENY, "NotResource": "arn:aws:s3:::mine/*"}], ALLOWED),
    ],
)
def test_statements_are_judged_as_iam_does(given: list[dict[str, Any]], verdict: str) -> None:
    context = {"aws:RequestedRegion": REGION, "aws:SecureTransport": "true"}
    assert Policies(tuple(given)).evaluate("s3:PutObject", "arn:aws:s3:::mine/key-*", context) == verdict


def test_boundaries_take_away_and_what_is_not_shown_may_say_anything() -> None:
    everything, reads = ({**BASE, "Action": "*"},), ({**BASE, "Action": "s3:Get*"},)
    deny = ({**BASE, **DENY},)
    asked = ("s3:PutObject", "arn:aws:s3:::mine/key", dict[str, str]())
    assert Policies(everything, everything).evaluate(*asked) == ALLOWED
    assert Policies(everything, reads).evaluate(*asked) == DENIED
    assert Policies(reads, everything).evaluate(*asked) == DENIED
    assert Policies(everything, unread=("policy p",)).evaluate(*asked) == UNSURE
    assert Policies(reads, unread=("policy p",)).evaluate(*asked) == UNSURE
    assert Policies(everything + deny, unread=("policy p",)).evaluate(*asked) == DENIED


def test_everything_attached_to_a_user_is_read(project: PromotedProject) -> None:
    iam = project.client("iam")
    arn = iam.create_user(UserName="eve")["User"]["Arn"]
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="eve")

    def document(action: str) -> str:
        return json.dumps({"Version": "2012-10-17", "Statement": {**BASE, "Action": action}})

    iam.put_user_policy(UserName="eve", PolicyName="own", PolicyDocument=document("s3:GetObject"))
    iam.put_group_policy(GroupName="team", PolicyName="ours", PolicyDocument=document("s3:PutObject"))
    managed = iam.create_policy(PolicyName="managed", PolicyDocument=document("s3:ListBucket"))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="eve", PolicyArn=managed)
    read = read_policies(iam, arn)
    assert {statement["Action"] for statement in read.statements} == {"s3:GetObject", "s3:PutObject", "s3:ListBucket"}
    assert (read.boundary, read.unread) == (None, ())


def test_machines_at_once_are_counted_over_time_and_by_step() -> None:
    resources = [
        job("TrainingJob", "ml.m5.large", 0, 10),
        job("TrainingJob", "ml.m5.large", 20, 10),
        job("TrainingJob", "ml.m5.large", 25, 10, step="Two"),
        job("ProcessingJob", "ml.m5.large", 20, 1),
        job("Endpoint", "ml.m5.large", 0, 60, step="Two"),
    ]
    assert peaks(resources, HERE) == {
        "ml.m5.large for training job usage": (2, 2),
        "ml.m5.large for processing job usage": (1, 1),
        "ml.m5.large for endpoint usage": (1, 1),
    }
    spot = Destination("aws", ACCOUNT, REGION, "Role", spot=("Two",))
    assert peaks(resources, spot)["ml.m5.large for spot training job usage"] == (1, 1)


@pytest.mark.needs("docker")
@pytest.mark.parametrize(
    ("instance_type", "state"),
    [("ml.m5.large", "ok"), ("ml.g4dn.xlarge", "ok"), ("ml.m6g.large", "failure"), ("ml.c7gn.large", "failure")],
)
def test_an_image_for_another_processor_is_refused(account: Account, instance_type: str, state: str) -> None:
    (found,) = check_images(account, [plan(job("TrainingJob", instance_type, 0, 1, images=(IMAGE,)))])
    assert found.state == state
    if state == "failure":
        assert f"is built for amd64, and {instance_type} is arm64" in found.message


def test_a_model_s_image_must_fit_what_serves_it(project: PromotedProject, account: Account) -> None:
    ecr = project.client("ecr")
    ecr.create_repository(repositoryName="mine")
    manifest = json.dumps({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"})
    ecr.put_image(repositoryName="mine", imageManifest=manifest, imageTag="1-arm64")
    image = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/mine:1-arm64"
    model = PlannedResource("Model", "One", (), None, images=(image,))
    (found,) = check_images(account, [plan(model, job("Endpoint", "ml.m5.large", 0, 1))])
    assert "is built for arm64, and ml.m5.large is amd64" in found.message
    (found,) = check_images(account, [plan(model, job("Endpoint", "ml.m7g.large", 0, 1))])
    assert found.state == "ok"
