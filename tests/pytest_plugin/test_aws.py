"""Test functions on a profile of kind "aws", against the AWS stand-in: followed, torn down, nothing left patched."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.aws_run.ledger import DELETED, read
from tests.aws_stand_in.configuration import ACCOUNT, ALLOW_ALL, DEVELOPER, KEY, SECRET
from tests.aws_stand_in.fixtures import stand_in, stand_in_process  # noqa: F401
from tests.aws_stand_in.running import PROFILE, AwsProject, StandIn
from tests.pytest_plugin.conftest import Project, Ran

MODELS = """
import io
import tarfile

import boto3

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"


def make_model(client, role, bucket, prefix):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        archive.addfile(tarfile.TarInfo("xgboost-model"))
    boto3.client("s3").put_object(Bucket=bucket, Key=f"{prefix}/model.tar.gz", Body=packed.getvalue())
    client.create_model(
        ModelName=f"m-{prefix}",
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/{prefix}/model.tar.gz"},
        ExecutionRoleArn=role,
    )
    config = [dict(VariantName="v", ModelName=f"m-{prefix}", InstanceType="ml.m5.large", InitialInstanceCount=1)]
    client.create_endpoint_config(EndpointConfigName=f"c-{prefix}", ProductionVariants=config)
"""
TESTS = """
import json
import os
from pathlib import Path

import boto3
import botocore.client
import botocore.handlers
import botocore.httpsession
import pytest

from models import make_model


def state_of_things():
    return {
        "environment": {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"},
        "default session": boto3.DEFAULT_SESSION,
        "handlers": list(botocore.handlers.BUILTIN_HANDLERS),
        "client": dict(vars(botocore.client.BaseClient)),
        "http": dict(vars(botocore.httpsession.URLLib3Session)),
    }


early = boto3.client("sagemaker", "us-east-1", aws_access_key_id="AKIAOTHER", aws_secret_access_key="other")
BEFORE = state_of_things()
kept, seen = [], []


def test_it_works(sagemaker_harness, harness_role, harness_bucket, harness_prefix, boto_session, harness_session):
    assert sagemaker_harness.account == boto_session.client("sts").get_caller_identity()["Account"]
    now = state_of_things()
    assert [name for name in now if now[name] != BEFORE[name]] == [
        "environment", "default session", "handlers", "client"
    ]
    client = boto3.client("sagemaker")
    make_model(client, harness_role, harness_bucket, harness_prefix)
    described = client.describe_model(ModelName=f"m-{harness_prefix}")
    tags = {each["Key"]: each["Value"] for each in client.list_tags(ResourceArn=described["ModelArn"])["Tags"]}
    assert tags["harness:run"] == harness_prefix and tags["harness:scenario"] == "test_it_works"
    assert tags["team"] == "ml"
    assert described["VpcConfig"]["Subnets"] == ["subnet-1"]
    config = client.describe_endpoint_config(EndpointConfigName=f"c-{harness_prefix}")
    assert config["ProductionVariants"][0]["InstanceType"] == "ml.t2.medium"
    with pytest.raises(RuntimeError, match="ListModels was not sent to .*made before the test began"):
        early.list_models()
    with pytest.raises(Exception, match="emulator"):
        sagemaker_harness.faults.throttle("CreateModel")
    harness_session.cleanup(seen.append, harness_prefix)
    kept.append(client)


def test_between():
    assert state_of_things() == BEFORE
    assert len(seen) == 1
    assert kept[0].list_models()["Models"] == []
    with pytest.raises(RuntimeError, match="CreateModel was sent to AWS by a client of a test that is over"):
        kept[0].create_model(ModelName="lost", ExecutionRoleArn="arn:aws:iam::123456789012:role/Role")


def test_it_fails(harness_role, harness_bucket, harness_prefix):
    make_model(kept[0], harness_role, harness_bucket, harness_prefix)
    assert harness_prefix in seen, "on purpose"


def test_after():
    assert state_of_things() == BEFORE
"""
TABLE = 'subnets = ["subnet-1"]\nsecurity_groups = ["sg-1"]\ntags = { team = "ml" }\ninstance_types = "ml.t2.medium"\n'


@dataclass(frozen=True)
class OnAws:
    project: Project
    aws: AwsProject

    def pytest(self, *arguments: str) -> Ran:
        environment = {**self.aws.stand_in.environment(hurry=10), "HOME": str(self.project.root)}
        return self.project.pytest("-q", "--profile", "aws", *arguments, **environment)

    def ledgers(self) -> list[Path]:
        return sorted((self.project.root / ".harness" / "ledger").glob("*.jsonl"))

    def operations(self) -> set[str]:
        return {each["operation"] for each in self.aws.stand_in.requests()}


@pytest.fixture
def on_aws(project: Project, stand_in: StandIn) -> OnAws:  # noqa: F811
    return OnAws(project, AwsProject(project.root, stand_in))


def test_tests_are_followed_torn_down_and_leave_nothing_patched(on_aws: OnAws) -> None:
    on_aws.aws.stand_in.begin(networks={"subnet-1": "vpc-1", "sg-1": "vpc-1"})
    on_aws.aws.configure(PROFILE + TABLE)
    on_aws.project.write("models.py", MODELS)
    on_aws.project.write("test_models.py", TESTS)
    ran = on_aws.pytest("--harness-yes")
    assert ran.counts() == {"failed": 1, "passed": 3}, ran.text
    assert ran.code == 1
    assert "AssertionError: on purpose" in ran.text
    assert "created   EndpointConfig c-" in ran.text  # the evidence of the one that failed
    assert ran.text.count("nothing billable is left: checked") == 2
    assert on_aws.aws.left() == []
    assert on_aws.aws.stand_in.problems() == []
    (first, works), (second, fails) = (read(file) for file in on_aws.ledgers())
    assert (first.scenario, second.scenario) == ("test_it_works", "test_it_fails")
    assert first.run.rpartition("-")[0] == second.run.rpartition("-")[0]
    assert first.run != second.run
    for header, entries in ((first, works), (second, fails)):
        assert header.account == ACCOUNT
        made = {entry.kind: entry for entry in entries}
        assert {"Object", "Model", "EndpointConfig"} <= set(made)
        assert made["Model"].name == f"m-{header.run}"
        assert all(entry.state == DELETED for entry in entries if entry.kind != "Bucket"), entries


JOBS = """
import boto3

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def start_job(role, prefix):
    cluster = dict(InstanceType="ml.m5.large", InstanceCount=1, VolumeSizeInGB=1)
    boto3.client("sagemaker").create_processing_job(
        ProcessingJobName=f"p-{prefix}",
        RoleArn=role,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["sleep", "600"]},
        ProcessingResources={"ClusterConfig": cluster},
    )
"""
STARTS = """
import pytest
from jobs import start_job


def test_it(harness_role, harness_prefix):
    start_job(harness_role, harness_prefix)


def test_nothing(sagemaker_harness): ...


@pytest.mark.skipif("1 < 2", reason="not here")
def test_skipped(sagemaker_harness): ...


@pytest.mark.parity("local-only: faults")
def test_here(sagemaker_harness): ...
"""


def test_a_budget_is_held_against_what_tests_did_here(on_aws: OnAws) -> None:
    project, begins = on_aws.project, ("Create", "Put")
    project.write("jobs.py", JOBS)
    project.write("test_it.py", STARTS)
    unknown = on_aws.pytest("--harness-yes", "--harness-budget", "2")
    assert unknown.code == pytest.ExitCode.USAGE_ERROR, unknown.text
    assert "test_it.py::test_it is not known: it has not passed here yet" in unknown.text
    assert "Run it once with `pytest 'test_it.py::test_it'`, or leave out --harness-budget" in unknown.text
    project.passes("-q")
    above = on_aws.pytest("--harness-yes", "--harness-budget", "0.0001")
    assert above.code == pytest.ExitCode.USAGE_ERROR, above.text
    assert "the estimate of $0.02 is above the budget of $0.00; raise --harness-budget or choose" in above.text
    on_aws.aws.configure(PROFILE + 'instance_types = { ProcessingJob = "ml.p3.2xlarge" }\n')
    quota = on_aws.pytest("--harness-yes")
    assert quota.code == pytest.ExitCode.USAGE_ERROR, quota.text
    assert "ml.p3.2xlarge for processing job usage: 0 allowed, 1 needed at once" in quota.text
    assert not [each for each in on_aws.operations() if each.startswith(begins)]
    on_aws.aws.configure(PROFILE)
    ran = on_aws.pytest("--harness-yes", "--harness-budget", "2")
    assert ran.counts() == {"passed": 2, "skipped": 2}, ran.text
    assert "estimate: $0.02 (prices of 2026-09-01, durations of the last run here)" in ran.text
    assert "billed: $0.0" in ran.text
    assert on_aws.aws.left() == []


def test_beyond_the_budget_the_run_ends_and_leaves_nothing(on_aws: OnAws) -> None:
    project = on_aws.project
    on_aws.aws.stand_in.begin(quotas={"ml.p3.2xlarge for processing job usage": 1.0})
    on_aws.aws.configure(PROFILE + 'instance_types = "ml.p3.2xlarge"\n')
    project.write("jobs.py", JOBS)
    text = """
        import threading

        import boto3
        from jobs import start_job

        def test_it(sagemaker_harness, harness_role, harness_prefix):
            if sagemaker_harness.profile == "local":
                return
            start_job(harness_role, harness_prefix)
            try:
                threading.Event().wait(100)
            finally:
                boto3.client("sagemaker").create_model(ModelName="more", ExecutionRoleArn=harness_role)

        def test_other(sagemaker_harness): ...
        """
    project.write("test_it.py", text)
    project.passes("-q")
    ran = on_aws.pytest("--harness-yes", "--harness-budget", "0.001")
    assert ran.counts() == {"failed": 1}, ran.text
    assert ran.code == pytest.ExitCode.USAGE_ERROR
    assert "CreateModel was not sent: the run has cost $0.0" in ran.text
    assert "Exit: the run has cost $0.0" in ran.text
    assert "more than the budget of $0.00" in ran.text
    assert on_aws.aws.left() == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ((), "on AWS tests cost money: add --harness-yes"),
        (("--harness-yes", "--harness-budget", "two"), "argument --harness-budget: 'two' is no amount of dollars"),
    ],
)
def test_without_consent_the_run_is_refused(on_aws: OnAws, options: tuple[str, ...], told: str) -> None:
    on_aws.project.write("test_it.py", "def test_one(harness_bucket): ...\n\n\ndef test_two(harness_bucket): ...\n")
    ran = on_aws.pytest(*options)
    assert ran.code == pytest.ExitCode.USAGE_ERROR, ran.text
    assert ran.text.count(told) == 1, ran.text
    assert "Traceback" not in ran.text
    assert on_aws.operations() == set()


def test_a_wrong_account_refuses_the_run_once(on_aws: OnAws) -> None:
    other = "arn:aws:iam::999999999999:user/developer"
    on_aws.aws.stand_in.begin(keys={KEY: {"secret": SECRET, "arn": other}}, users={other: [ALLOW_ALL]})
    on_aws.project.write("test_it.py", "def test_one(harness_bucket): ...\n\n\ndef test_two(harness_bucket): ...\n")
    ran = on_aws.pytest("--harness-yes")
    assert ran.code == pytest.ExitCode.USAGE_ERROR, ran.text
    assert ran.text.count("expects account 123456789012, but these credentials") == 1, ran.text
    assert on_aws.operations() == {"GetCallerIdentity"}
    assert on_aws.ledgers() == []
    workers = on_aws.pytest("--harness-yes", "-n", "1", "-p", "xdist")
    assert workers.counts() == {"errors": 2} or workers.counts() == {"error": 2}, workers.text


def test_the_sdk_stores_below_the_prefix_and_workers_tell_of_the_end(on_aws: OnAws) -> None:
    text = """
        def test_upload(sagemaker_session, harness_bucket, harness_prefix, tmp_path):
            (tmp_path / "a.txt").write_text("a")
            place = sagemaker_session.upload_data(str(tmp_path / "a.txt"))
            assert place.startswith(f"s3://{harness_bucket}/{harness_prefix}/"), place
        """
    on_aws.project.write("test_sdk.py", text)
    quiet = ("-W", "ignore::DeprecationWarning", "-W", "ignore::UserWarning", "-W", "ignore::FutureWarning")
    ran = on_aws.pytest("--harness-yes", "-n", "1", "-p", "xdist", *quiet)
    assert ran.code == 0, ran.text
    assert ran.text.count("test_upload (run 2") == ran.text.count("nothing billable is left") == 1, ran.text
    assert on_aws.aws.left() == []
    (ledger,) = on_aws.ledgers()
    kinds = [json.loads(line).get("kind") for line in ledger.read_text().splitlines()[1:]]
    assert "Object" in kinds


def test_what_cannot_be_removed_is_an_error_of_the_test(on_aws: OnAws) -> None:
    kept = {"Statement": {"Effect": "Deny", "Action": "s3:DeleteObject*", "Resource": "arn:aws:s3:::*/stuck"}}
    on_aws.aws.stand_in.begin(users={DEVELOPER: [ALLOW_ALL, kept]})
    text = """
        def test_it(sagemaker_harness, harness_bucket, harness_prefix):
            sagemaker_harness.client("s3").put_object(Bucket=harness_bucket, Key=f"{harness_prefix}/stuck")

        def test_other(sagemaker_harness): ...
        """
    on_aws.project.write("test_it.py", text)
    ran = on_aws.pytest("--harness-yes")
    assert ran.counts() in ({"passed": 2, "error": 1}, {"passed": 2, "errors": 1}), ran.text
    assert "TEAR-DOWN INCOMPLETE: LEFT on AWS: s3://" in ran.text
    assert "remove what is left with `harness clean --profile aws`" in ran.text
    assert ran.text.count("nothing billable is left") == 1
    assert [each.split()[0] for each in on_aws.aws.left()] == ["object"]


@pytest.mark.parametrize("ending", ["SIGINT", "SIGKILL"])
def test_an_interrupted_run_loses_nothing(on_aws: OnAws, ending: str) -> None:
    on_aws.project.write("models.py", MODELS)
    text = f"""
        import os
        import signal

        import boto3
        from models import make_model

        def test_it(harness_role, harness_bucket, harness_prefix):
            make_model(boto3.client("sagemaker"), harness_role, harness_bucket, harness_prefix)
            os.kill(os.getpid(), signal.{ending})
        """
    on_aws.project.write("test_it.py", text)
    ran = on_aws.pytest("--harness-yes")
    if ending == "SIGINT":
        assert ran.code == pytest.ExitCode.INTERRUPTED, ran.text
        assert "nothing billable is left" in ran.text
    else:
        assert [each.split()[0] for each in on_aws.aws.left()] == ["config", "model", "object"]
        done = on_aws.aws.play("clean", "--profile", "aws", "--yes")
        assert done.returncode == 0, done.stderr
    assert on_aws.aws.left() == []
