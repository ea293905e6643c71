"""``harness plan``: what stands in the way of a run on AWS, each with its remedy, on accounts where it does."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber

from harness.promotion.plan import PlannedResource, RunPlan
from harness.promotion.preflight.closed_services import check_closed_services
from harness.promotion.preflight.findings import OK
from tests.aws_stand_in.configuration import ACCOUNT, ALLOW_ALL, DEVELOPER, KEY, ROLE, SECRET
from tests.aws_stand_in.running import PROFILE, AwsProject
from tests.promotion.conftest import HEAD, IMAGE

PLAN = ("plan", "it", "--profile", "aws")
XLARGE = [{"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}]


def denying(*actions: str) -> dict[str, Any]:
    refused = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [*ALLOW_ALL["Statement"], refused]}


def role(trusts: str = "sagemaker.amazonaws.com", policy: Any = ALLOW_ALL) -> dict[str, Any]:
    return {"roles": {ROLE: {"policies": [policy], "trusts": [trusts]}}}


def recorded(project: AwsProject, *events: dict[str, Any]) -> None:
    """A run of the scenario to its end, as it would have been recorded."""
    told = [{"config": "", "instances": [], "images": [], "step": "One", "at": 0, **event} for event in events]
    folder = project.state / "reports" / "20260101-000000" / "it"
    folder.mkdir(parents=True)
    lines = [STEP | {"at": 0}, *told, {"event": "end", "passed": True, "at": 60}]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))


def training(name: str = "t-20260101-000000-0a1b", image: str = IMAGE) -> dict[str, Any]:
    return {"event": "created", "kind": "TrainingJob", "name": name, "instances": XLARGE, "images": [image]}


STEP = {"event": "step", "name": "One", "state": "passed"}


def called(operation: str, service: str = "sagemaker") -> dict[str, Any]:
    return {"event": "called", "service": service, "operation": operation, "bucket": ""}


@pytest.fixture
def project(aws_project: AwsProject) -> AwsProject:
    aws_project.scenario("it", "session.client('s3')\n", head=HEAD)
    return aws_project


def looked(project: AwsProject, code: int, *more: str) -> dict[str, tuple[str, str]]:
    """Topic -> state and words. Of several of a topic the worst."""
    done = project.play(*PLAN, "--json", *more)
    assert done.returncode == code, done.stdout + done.stderr
    document = json.loads(done.stdout)
    assert document["ready"] == (code == 0)
    order = ["ok", "could not be checked", "warning", "failure"]
    found: dict[str, tuple[str, str]] = {}
    for each in sorted(document["findings"], key=lambda finding: order.index(finding["state"])):
        assert each["remedy"] or each["state"] == "ok", each
        found[each["topic"]] = (each["state"], f"{each['message']}; {each['remedy']}")
    return found


def test_an_account_that_is_ready(project: AwsProject) -> None:
    recorded(project, called("CreateTrainingJob"), training())
    found = looked(project, 0)
    assert {topic: state for topic, (state, _) in found.items()} == dict.fromkeys(
        ("credentials", "role", "role permissions", "caller permissions", "bucket", "image", "quota", "names"), "ok"
    )
    assert "4 allowed, 2 needed at once" in found["quota"][1]
    done = project.play(*PLAN)
    assert done.returncode == 0
    assert "TrainingJob on 2 x ml.m5.xlarge" in done.stdout
    assert done.stdout.endswith("ready: 8 ok\n")
    assert project.left() == []


def test_without_a_recorded_run_the_usual_calls_are_looked_at(project: AwsProject) -> None:
    state, told = looked(project, 0)["plan"]
    assert state == "could not be checked"
    assert "has not passed here yet" in told
    assert "harness run it" in told


@pytest.mark.parametrize(
    ("changed", "topic", "told"),
    [
        (role(trusts="ec2.amazonaws.com"), "role", "does not let SageMaker assume it; add to its trust policy"),
        ({"roles": {}}, "role", "role/Role does not exist; create it"),
        (
            role(policy=denying("s3:PutObject")),
            "role permissions",
            "not allowed s3:PutObject on arn:aws:s3:::sagemaker-",
        ),
        (
            {"users": {DEVELOPER: [denying("sagemaker:StopTrainingJob", "iam:PassRole")]}},
            "caller permissions",
            "not allowed iam:PassRole on arn:aws:iam::123456789012:role/Role, sagemaker:StopTrainingJob on",
        ),
        (
            {"quotas": {"ml.m5.xlarge for training job usage": 1}},
            "quota",
            "ml.m5.xlarge for training job usage: 1 allowed, 2 needed at once; ask for more",
        ),
    ],
)
def test_what_is_missing_is_a_failure(project: AwsProject, changed: dict[str, Any], topic: str, told: str) -> None:
    recorded(project, called("CreateTrainingJob"), training())
    project.stand_in.begin(**changed)
    state, words = looked(project, 3)[topic]
    assert state == "failure"
    assert told in words


def test_images_and_names_are_looked_up(project: AwsProject) -> None:
    recorded(
        project,
        called("CreateTrainingJob"),
        training(image=IMAGE.replace("3.0-5", "9.9-9")),
        training("fixed", "python:3.11"),
        training("abroad-20260101-000000-0a1b", IMAGE.replace("us-east-1", "eu-west-1")),
    )
    done = project.play(*PLAN)
    assert done.returncode == 3
    assert "sagemaker-xgboost:9.9-9 does not exist" in done.stdout
    assert "python:3.11 is not in Amazon ECR" in done.stdout
    assert "is in eu-west-1, and the run is in us-east-1" in done.stdout
    assert "TrainingJob 'fixed' is free" in done.stdout


def test_what_may_not_be_asked_could_not_be_checked(project: AwsProject) -> None:
    recorded(project, called("CreateTrainingJob"), training())
    project.stand_in.begin(users={DEVELOPER: [denying("iam:*", "servicequotas:*", "ecr:*")]})
    found = looked(project, 0)
    for topic in ("role", "role permissions", "caller permissions", "image", "quotas"):
        state, told = found[topic]
        assert (state, "allow " in told) == ("could not be checked", True), topic


def document(action: str | list[str], effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": {"Effect": effect, "Action": action, "Resource": "*", **more}}


def managed(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:policy/{name}"


def read_account(**changed: Any) -> dict[str, Any]:
    """IAM may not simulate; what the developer may comes of a group and an attached policy, below a boundary."""
    here = document("*", Condition={"StringEquals": {"aws:RequestedRegion": "us-east-1"}})
    named = {"work": document(["sagemaker:*", "sts:*", "logs:*", "tag:*"]), "limit": document("*"), "jobs": here}
    own = {"developer": document("iam:Simulate*", "Deny"), "team": document(["iam:*", "s3:*", "ecr:*", "service*:*"])}
    said = {**named, **own, **changed}
    return {
        "users": {DEVELOPER: [said["developer"]]},
        "roles": {ROLE: {"policies": [], "trusts": ["sagemaker.amazonaws.com"]}},
        "managed": {managed(name): said[name] for name in named},
        "attached": {
            "developer": {
                "groups": {"team": [said["team"]]},
                "policies": [managed("work")],
                "boundary": managed("limit"),
            },
            ROLE: {"policies": [managed("jobs")]},
        },
    }


FINE = ("ok", "is allowed what the run needs (by its policies, as IAM answered AccessDenied to a simulation; service")
WITHIN = {"Action": "iam:PassRole", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}
ORGANIZED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "NotAction": "iam:PassRole", "Resource": "*"},
        {"Effect": "Allow", "Resource": "*", **WITHIN},
    ],
}


@pytest.mark.parametrize(
    ("changed", "caller", "of_role"),
    [
        pytest.param({}, FINE, FINE, id="all that is needed"),
        pytest.param(
            {
                "limit": {
                    "Version": "2012-10-17",
                    "Statement": {"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"},
                }
            },
            ("failure", "is not allowed s3:"),
            FINE,
            id="a boundary takes away",
        ),
        pytest.param(
            {"team": ORGANIZED},
            ("could not be checked", "it is not certain that it is allowed iam:PassRole"),
            FINE,
            id="a condition is not known",
        ),
        pytest.param(
            {"developer": document(["iam:Simulate*", "iam:GetPolicy*"], "Deny")},
            ("could not be checked", "AWS did not show: work (AccessDenied), limit (AccessDenied)"),
            ("could not be checked", "AWS did not show: jobs (AccessDenied)"),
            id="policies are not shown",
        ),
        pytest.param(
            {"developer": document(["iam:Simulate*", "iam:GetPolicy*", "sagemaker:StopTrainingJob"], "Deny")},
            ("failure", "is not allowed sagemaker:StopTrainingJob on"),
            ("could not be checked", "or iam:Get* and iam:List*, to have it checked"),
            id="what is shown denies",
        ),
    ],
)
def test_where_iam_may_not_simulate_the_policies_are_read(
    project: AwsProject, changed: dict[str, Any], caller: tuple[str, str], of_role: tuple[str, str]
) -> None:
    recorded(project, called("CreateTrainingJob"), training())
    project.stand_in.begin(**read_account(**changed))
    found = looked(project, 3 if "failure" in (caller[0], of_role[0]) else 0)
    for topic, (state, told) in {"caller permissions": caller, "role permissions": of_role}.items():
        assert (found[topic][0], told in found[topic][1]) == (state, True), found[topic]


def test_a_denial_that_hangs_on_the_request_is_not_taken_for_one(project: AwsProject) -> None:
    """An account in which everything must carry a tag: IAM, asked beforehand, does not know that it will."""
    tagged = document("sagemaker:Create*", Condition={"StringLike": {"aws:RequestTag/team": "*"}})
    others = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "NotAction": "sagemaker:Create*",
                                                     "Resource": "*"}}  # fmt: skip
    recorded(project, called("CreateTrainingJob"), training())
    project.stand_in.begin(users={DEVELOPER: [others, tagged]})
    state, told = looked(project, 0)["caller permissions"]
    assert state == "could not be checked"
    assert "it is not certain that it is allowed sagemaker:CreateTrainingJob" in told
    assert "conditions that depend on the request itself" in told


def test_a_run_is_refused_before_anything_is_created(project: AwsProject) -> None:
    project.stand_in.begin(**role(trusts="ec2.amazonaws.com"))
    done = project.play("run", "it", "--profile", "aws", "--yes")
    assert done.returncode == 3, done.stderr
    assert "does not let SageMaker assume it; add to its trust policy" in done.stderr
    assert "the account is not fit for this run (1 failure" in done.stderr
    assert not (project.state / "ledger").exists()


def test_the_minimal_policy_is_enough_and_no_more(project: AwsProject) -> None:
    """Learned from a local run, written to a file, attached, and all that the run on AWS then has."""
    project.scenario("it", "bucket(session)\nmodel(session)\nsession.client('sagemaker').list_models()\n", head=HEAD)
    local = project.play("run", "it")
    assert local.returncode == 0, local.stdout
    assert project.play(*PLAN, "--policy", "policies.json").returncode == 0
    policies = json.loads((project.folder / "policies.json").read_text())
    models = {"sagemaker:CreateModel", "sagemaker:DescribeModel", "sagemaker:DeleteModel"}
    named = {action for statement in policies["caller"]["Statement"] for action in statement["Action"]}
    assert models | {"sagemaker:ListModels", "s3:CreateBucket", "iam:PassRole"} <= named
    assert not any("*" in action for action in named)
    assert "sagemaker:CreateTrainingJob" not in named
    project.stand_in.begin(
        users={DEVELOPER: [policies["caller"]]},
        roles={ROLE: {"policies": [policies["role"]], "trusts": ["sagemaker.amazonaws.com"]}},
    )
    done = project.play("run", "it", "--profile", "aws", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing billable is left" in done.stdout
    assert project.left() == []


def test_a_profile_of_another_kind_has_no_plan(project: AwsProject) -> None:
    done = project.play("plan", "it", "--profile", "local")
    assert (done.returncode, "is not a profile of kind aws" in done.stderr) == (2, True)


def test_credentials_that_open_nothing_are_told_at_once(project: AwsProject) -> None:
    project.credentials(KEY, SECRET[::-1])
    done = project.play(*PLAN)
    assert done.returncode == 3
    assert "AWS does not accept the secret key" in done.stderr


def test_a_bucket_that_may_not_be_looked_at(project: AwsProject) -> None:
    project.stand_in.begin(users={DEVELOPER: [denying("s3:ListBucket")]})
    project.stand_in.really("s3").create_bucket(Bucket="theirs")
    project.configure(PROFILE + 'bucket = "theirs"\n')
    state, told = looked(project, 3)["bucket"]
    assert (state, "theirs cannot be used: it belongs to another account, or" in told) == ("failure", True)


def test_a_bucket_elsewhere(project: AwsProject) -> None:
    project.stand_in.begin(others={"abroad": "eu-west-1"})
    project.configure(PROFILE + 'bucket = "abroad"\n')
    state, told = looked(project, 3)["bucket"]
    assert state == "failure"
    assert "abroad is in eu-west-1, and jobs in us-east-1 cannot use it; name a bucket in us-east-1" in told


def test_services_that_aws_closed_to_new_customers_are_named(project: AwsProject) -> None:
    analyzer = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
    clarify = "205585389593.dkr.ecr.us-east-1.amazonaws.com/sagemaker-clarify-processing:1.0"
    jobs = [training("p-20260101-000000-0a1b", image) | {"kind": "ProcessingJob"} for image in (analyzer, clarify)]
    recorded(project, called("CreateProcessingJob"), *jobs)
    # The stand-in has no such images, which is a failure of its own.
    state, words = looked(project, 3)["closed services"]
    assert state == "warning"
    assert words.startswith("Clarify and Model Monitor: AWS closed")


def test_an_account_that_has_monitored_may_go_on() -> None:
    client = boto3.client("sagemaker", region_name="us-east-1", aws_access_key_id=KEY, aws_secret_access_key=SECRET)
    now = datetime.now(timezone.utc)
    schedule = {
        "MonitoringScheduleName": "earlier",
        "MonitoringScheduleArn": "arn:aws:sagemaker:us-east-1:123456789012:monitoring-schedule/earlier",
        "CreationTime": now,
        "LastModifiedTime": now,
        "MonitoringScheduleStatus": "Stopped",
    }
    plans = [RunPlan("it", (), (PlannedResource("MonitoringSchedule", None, (), None),), None)]
    with Stubber(client) as stubber:
        answer = {"MonitoringScheduleSummaries": [schedule]}
        stubber.add_response("list_monitoring_schedules", answer, {"MaxResults": 1})
        (finding,) = check_closed_services(SimpleNamespace(client=lambda _: client), plans)  # type: ignore[arg-type]
    assert finding.state == OK
