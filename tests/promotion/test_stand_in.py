"""The aws profile against the AWS stand-in: AWS hosts, TLS, signatures, lag, throttling; no line of it differs."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from harness.aws_run.ledger import alive
from tests.aws_stand_in.configuration import ACCOUNT, ALLOW_ALL, DEVELOPER, KEY, ROLE, SECRET
from tests.aws_stand_in.running import PROFILE, AwsProject
from tests.cloud import eventually
from tests.promotion.conftest import HEAD
from tests.promotion.test_run import recorded

RUN = ("run", "it", "--profile", "aws", "--yes")
LAG = {"ListEndpoints": 1, "ListModels": 1, "GetResources": 2, "HeadBucket": 1}
DEPLOYS = "bucket(session)\nwith session.step('Deploy'):\n    name = endpoint(session)\n"
ANSWERS = DEPLOYS + (
    "    session.client('sagemaker').get_waiter('endpoint_in_service').wait(EndpointName=name,"
    " WaiterConfig={'Delay': 5})\n"
    "    asked = dict(EndpointName=name, Body=b'1,0', ContentType='text/csv')\n"
    "    assert 0 < float(session.client('sagemaker-runtime').invoke_endpoint(**asked)['Body'].read()) < 1\n"
)
WAITS = DEPLOYS + "    threading.Event().wait(100)\n"


# A model that answers; the one of the other tests is enough where nobody asks.
REAL = """
        import numpy, xgboost
        rows = xgboost.DMatrix(numpy.eye(2), label=[0, 1])
        told = bytes(xgboost.train({"objective": "binary:logistic"}, rows, 1).save_raw())
        entry = tarfile.TarInfo("xgboost-model")
        entry.size = len(told)
        archive.addfile(entry, io.BytesIO(told))
"""

# An experiment, and a job that goes on for longer than any test.
EVERYTHING = """bucket(session)
sagemaker, run = session.client('sagemaker'), session.run_id
sagemaker.create_experiment(ExperimentName=f'x-{run}')
sagemaker.create_trial(ExperimentName=f'x-{run}', TrialName=f't-{run}')
image = IMAGE.replace('sagemaker-xgboost:3.0-5', 'sagemaker-scikit-learn:1.4-2-cpu-py3')
command = ['python3', '-c', 'import time; time.sleep(600)']
cluster = dict(InstanceType='ml.m5.large', InstanceCount=1, VolumeSizeInGB=1)
sagemaker.create_processing_job(ProcessingJobName=f'p-{run}', RoleArn=session.role,
    AppSpecification={'ImageUri': image, 'ContainerEntrypoint': command},
    ProcessingResources={'ClusterConfig': cluster})
"""


def story(project: AwsProject, body: str) -> None:
    head = HEAD.replace('        archive.addfile(tarfile.TarInfo("xgboost-model"))\n', REAL.lstrip("\n"))
    assert head != HEAD
    project.scenario("it", body, head=f"import threading\n{head}")


def deployed(project: AwsProject) -> None:
    eventually(lambda: '"created", "service": "sagemaker", "kind": "Endpoint",' in project.ledger())


def operations(project: AwsProject) -> set[str]:
    return {each["operation"] for each in project.stand_in.requests()}


def test_a_small_story_on_an_account_with_lag_and_delays(aws_project: AwsProject) -> None:
    project = aws_project
    project.stand_in.begin(lag=LAG, delays={"Endpoint": 3.0})
    story(project, ANSWERS)
    done = project.play(*RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "AWS account 123456789012 in us-east-1, as arn:aws:iam::123456789012:user/developer" in done.stderr
    assert "AWS_ENDPOINT_URL" not in done.stderr
    assert "  limits   endpoints in service within: 1800 s" in done.stderr
    assert "  monitor  the analyzer runs at once" in done.stderr
    assert "nothing billable is left" in done.stdout
    assert project.left() == []
    seen = project.stand_in.requests()
    assert {each["principal"] for each in seen} == {DEVELOPER}
    hosts = {each["host"] for each in seen}
    assert {"api.sagemaker.us-east-1.amazonaws.com", "sts.us-east-1.amazonaws.com"} <= hosts
    assert any(host.startswith(f"sagemaker-us-east-1-{ACCOUNT}.s3.") for host in hosts)


def test_a_forbidden_account_is_refused_before_anything_is_asked(aws_project: AwsProject) -> None:
    project = aws_project
    other = "arn:aws:iam::999999999999:user/developer"
    project.stand_in.begin(keys={KEY: {"secret": SECRET, "arn": other}}, users={other: [ALLOW_ALL]})
    story(project, ANSWERS)
    done = project.play(*RUN)
    assert done.returncode == 4, done.stderr
    assert "expects account 123456789012, but these credentials" in done.stderr
    assert "belong to account 999999999999, so nothing was created" in done.stderr
    assert operations(project) == {"GetCallerIdentity"}


def test_expired_credentials_are_reported_at_once(aws_project: AwsProject) -> None:
    project = aws_project
    expired = {"secret": "s", "arn": DEVELOPER, "token": "t", "expires": time.time() - 60}
    project.stand_in.begin(keys={"ASIAOLD": expired})
    project.credentials("ASIAOLD", "s", "t")
    story(project, ANSWERS)
    begun = time.monotonic()
    done = project.play(*RUN)
    assert done.returncode == 3, done.stderr
    assert "have expired or are not valid (ExpiredToken); renew them with `aws sso login --profile work`" in done.stderr
    assert time.monotonic() - begun < 20
    assert operations(project) <= {"", "GetCallerIdentity"}
    assert not (project.state / "ledger").exists()


def test_a_wrong_secret_is_reported_at_once(aws_project: AwsProject) -> None:
    aws_project.credentials(KEY, "not-the-secret")
    story(aws_project, ANSWERS)
    done = aws_project.play(*RUN)
    assert done.returncode == 3, done.stderr
    assert "does not accept the secret key or this machine's clock (SignatureDoesNotMatch)" in done.stderr


def test_throttled_every_fifth_call_it_still_passes(aws_project: AwsProject) -> None:
    aws_project.stand_in.begin(throttle=5)
    story(aws_project, ANSWERS)
    done = aws_project.play(*RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    codes = [each["code"] for each in aws_project.stand_in.requests()]
    assert {"ThrottlingException", "SlowDown"} <= set(codes)
    assert aws_project.left() == []


def test_beyond_its_budget_a_run_is_stopped_and_cleaned(aws_project: AwsProject) -> None:
    project = aws_project
    project.stand_in.begin(quotas={"ml.p3.2xlarge for endpoint usage": 1.0})
    recorded(project, seconds=0, instance="ml.t3.medium")  # type: ignore[arg-type]
    story(project, WAITS.replace("endpoint(session)", "endpoint(session, 'ml.p3.2xlarge')"))
    done = project.play(*RUN, "--budget", "0.006")
    assert done.returncode == 4, done.stdout + done.stderr
    assert "stopping: the run has cost $0.0" in done.stdout
    assert "more than the budget of $0.01" in done.stderr
    assert project.left() == []


def test_what_the_quota_forbids_fails_and_leaves_nothing(aws_project: AwsProject) -> None:
    story(aws_project, DEPLOYS.replace("endpoint(session)", "endpoint(session, 'ml.p3.2xlarge')"))
    done = aws_project.play(*RUN)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "The account-level service limit 'ml.p3.2xlarge for endpoint usage' is 0 Instances" in done.stdout
    assert aws_project.left() == []


def denied(*actions: str) -> dict[str, list[Any]]:
    deny = {"Effect": "Deny", "Action": list(actions), "Resource": "*"}
    return {DEVELOPER: [ALLOW_ALL, {"Version": "2012-10-17", "Statement": [deny]}]}


@pytest.mark.parametrize("more", [(), ("iam:SimulatePrincipalPolicy",)], ids=["simulated", "read"])
def test_what_policies_deny_is_said_before_anything_is_created(aws_project: AwsProject, more: tuple[str, ...]) -> None:
    aws_project.stand_in.begin(users=denied("sagemaker:CreateEndpoint", *more))
    story(aws_project, DEPLOYS)
    done = aws_project.play(*RUN)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "is not allowed sagemaker:CreateEndpoint on" in done.stderr
    assert not [each for each in operations(aws_project) if each.startswith(("Create", "Put"))]


def test_what_turns_out_to_be_denied_fails_and_leaves_nothing(aws_project: AwsProject) -> None:
    aws_project.stand_in.begin(users=denied("sagemaker:CreateEndpoint", "iam:Simulate*", "iam:List*"))
    story(aws_project, DEPLOYS)
    done = aws_project.play(*RUN)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "is not authorized to perform: sagemaker:CreateEndpoint on resource" in done.stdout
    assert aws_project.left() == []


def test_killed_in_the_middle_clean_leaves_nothing(aws_project: AwsProject) -> None:
    project = aws_project
    project.stand_in.begin(lag=LAG, delays={"Endpoint": 2.0})
    story(project, EVERYTHING + WAITS.removeprefix("bucket(session)\n"))
    with project.begin(*RUN) as process:
        deployed(project)
        process.kill()
        process.wait(timeout=20)
        (ledger,) = (project.state / "ledger").glob("*.jsonl")
        eventually(lambda: not alive(ledger))
    kinds = {each.partition(" ")[0] for each in project.left()}
    assert kinds == {"endpoint", "config", "model", "trial", "job", "object"}
    done = project.play("clean", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.left() == []
    for kind, why in {"ProcessingJob p": "it is being stopped", "Endpoint m": "it is being deleted"}.items():
        assert re.search(rf"waiting for AWS: {kind}-\S+: {why}", done.stderr), done.stderr
    assert re.search(r"Endpoint m-\S+: deleted$", done.stdout, re.MULTILINE), done.stdout
    again = project.play("clean", "--yes")
    assert (again.returncode, "nothing is left to remove" in again.stdout) == (0, True)


def test_without_its_ledger_clean_finds_a_killed_run_by_its_tags(aws_project: AwsProject) -> None:
    project = aws_project
    project.configure(PROFILE + "expiry = 0.0003\n")
    story(project, WAITS)
    with project.begin(*RUN) as process:
        deployed(project)
        process.kill()
        process.wait(timeout=20)
        (ledger,) = (project.state / "ledger").glob("*.jsonl")
        eventually(lambda: not alive(ledger))
    ledger.unlink()
    done = project.play("clean", "--yes")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [each for each in project.left() if not each.startswith("object ")] == []


def test_what_was_only_just_made_is_not_taken_for_gone(aws_project: AwsProject) -> None:
    project = aws_project
    project.stand_in.begin(lag={"DescribeEndpoint": 1, "DescribeModel": 1, "DescribeEndpointConfig": 1})
    story(project, DEPLOYS + "raise ValueError('the story ends here')\n")
    done = project.play(*RUN)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ValueError: the story ends here" in done.stdout
    assert "nothing billable is left" in done.stdout
    assert project.left() == []


def test_the_plan_is_checked_against_the_account(aws_project: AwsProject) -> None:
    project = aws_project
    recorded(project, seconds=60, instance="ml.p3.2xlarge")  # type: ignore[arg-type]
    story(project, DEPLOYS)
    roles = {ROLE: {"policies": [ALLOW_ALL], "trusts": ["lambda.amazonaws.com"]}}
    project.stand_in.begin(roles=roles, users=denied("s3:PutObject"))
    done = project.play("plan", "it", "--profile", "aws")
    assert done.returncode == 3, done.stdout + done.stderr
    for finding in ("ml.p3.2xlarge for endpoint usage", "s3:PutObject", "sagemaker.amazonaws.com"):
        assert finding in done.stdout, done.stdout
    project.stand_in.begin(quotas={"ml.p3.2xlarge for endpoint usage": 1.0})
    assert project.play("plan", "it", "--profile", "aws").returncode == 0
    assert not [each for each in operations(project) if each.startswith(("Create", "Put", "Delete"))]


def test_a_profile_that_says_everything(aws_project: AwsProject) -> None:
    project = aws_project
    project.configure(
        PROFILE.replace('"Role"', f'"arn:aws:iam::{ACCOUNT}:role/Role"')
        + 'bucket = "their-own-bucket"\nsubnets = ["subnet-1"]\nsecurity_groups = ["sg-1"]\n'
        'kms = { volume = "key-1", output = "key-1" }\ntags = { team = "ml" }\n'
        'instance_types = { "Deploy" = "ml.c5.xlarge" }\n'
    )
    networks, encryption = {"subnet-1": "vpc-1", "sg-1": "vpc-1"}, {"key-1": "Enabled"}
    story(project, DEPLOYS)
    project.stand_in.begin(
        networks={**networks, "sg-1": "vpc-2"}, encryption={}, others={"their-own-bucket": "eu-west-1"}
    )
    refused = project.play(*RUN)
    assert refused.returncode == 3, refused.stdout + refused.stderr
    for told in ("their-own-bucket is in eu-west-1", "several VPCs: vpc-1, vpc-2", "key-1 does not exist"):
        assert told in refused.stderr
    project.stand_in.begin(networks=networks, encryption=encryption)
    done = project.play(*RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.left() == []


def test_prices_of_today_are_asked_of_aws(aws_project: AwsProject) -> None:
    project = aws_project
    project.environment["HARNESS_CACHE"] = str(project.folder / "cache")
    recorded(project, seconds=3600, instance="ml.m5.xlarge")  # type: ignore[arg-type]
    story(project, DEPLOYS)
    done = project.play("estimate", "it", "--refresh")
    assert done.returncode == 0, done.stdout + done.stderr
    assert operations(project) == {"GetProducts"}
    assert "0.23" in next((project.folder / "cache").rglob("us-east-1.toml")).read_text()


def test_the_least_policy_that_the_plan_writes_is_enough(aws_project: AwsProject) -> None:
    project = aws_project
    story(project, ANSWERS)
    assert project.play(*RUN).returncode == 0
    done = project.play("plan", "it", "--profile", "aws", "--policy", "policy.json")
    assert done.returncode == 0, done.stdout + done.stderr
    least = json.loads((project.folder / "policy.json").read_text())
    roles = {ROLE: {"policies": [least["role"]], "trusts": ["sagemaker.amazonaws.com"]}}
    project.stand_in.begin(users={DEVELOPER: [least["caller"]]}, roles=roles)
    done = project.play(*RUN)
    assert done.returncode == 0, done.stdout + done.stderr
    assert project.left() == []
    # The look at the account before the run goes without; the run itself has all it needs.
    seen = project.stand_in.requests()
    refused = {each["service"] for each in seen if each["code"].startswith("AccessDenied")}
    assert refused <= {"iam", "ecr", "service-quotas"}
