"""The fixtures in a user's test suite: where they lead, how tests are kept apart, and what is left behind (nothing)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from harness.clients.emulator_process import process_alive
from harness.stores.folder import read_announcement

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
JOBS = f'''
import boto3

PROGRAM = """
import pathlib, sys, time
print("the program speaks")
if "sleep" in sys.argv:
    time.sleep(600)
if "fail" in sys.argv:
    pathlib.Path("/opt/ml/output/failure").write_text("it was told to fail")
    sys.exit(3)
pathlib.Path("/opt/ml/model/model.txt").write_text("learned")
"""


def start(name, role, bucket, *arguments):
    boto3.client("s3").put_object(Bucket=bucket, Key="code/program.py", Body=PROGRAM.encode())
    source = {{"S3DataType": "S3Prefix", "S3Uri": f"s3://{{bucket}}/code/"}}
    boto3.client("sagemaker").create_training_job(
        TrainingJobName=name,
        RoleArn=role,
        AlgorithmSpecification={{
            "TrainingImage": "{SKLEARN}",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/program.py"],
            "ContainerArguments": list(arguments) or ["train"],
        }},
        InputDataConfig=[{{"ChannelName": "code", "DataSource": {{"S3DataSource": source}}}}],
        OutputDataConfig={{"S3OutputPath": f"s3://{{bucket}}/out"}},
        ResourceConfig={{"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        StoppingCondition={{"MaxRuntimeInSeconds": 600}},
    )


def finished(name):
    client = boto3.client("sagemaker")
    client.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=name)
    return client.describe_training_job(TrainingJobName=name)
'''


def test_tests_train_in_accounts_of_their_own(project: Any) -> None:
    project.write("jobs.py", JOBS)
    project.write(
        "test_training.py",
        """
        import boto3
        import pytest

        from jobs import finished, start

        seen = []


        @pytest.mark.parametrize("turn", [1, 2])
        def test_trains(turn, sagemaker_harness, harness_role, harness_bucket, boto_session):
            assert boto3.client("sagemaker").list_training_jobs()["TrainingJobSummaries"] == []
            assert boto3.client("sts").get_caller_identity()["Account"] == sagemaker_harness.account
            assert sagemaker_harness.account in harness_role and sagemaker_harness.account in harness_bucket
            seen.append(sagemaker_harness.account)
            start("same-name", harness_role, harness_bucket)
            assert finished("same-name")["TrainingJobStatus"] == "Completed"
            assert sagemaker_harness.logs("same-name") == ["the program speaks"]
            objects = boto_session.client("s3").list_objects_v2(Bucket=harness_bucket)["Contents"]
            assert "out/same-name/output/model.tar.gz" in [item["Key"] for item in objects]


        def test_each_had_its_own_account():
            assert len(set(seen)) == 2


        def test_what_is_left_running_is_ended(sagemaker_harness, harness_role, harness_bucket):
            start("left", harness_role, harness_bucket, "sleep")
            seen.append(sagemaker_harness.account)


        def test_it_was_ended(sagemaker_harness):
            left = boto3.client("sagemaker", aws_access_key_id=seen[-1], aws_secret_access_key="x")
            assert left.describe_training_job(TrainingJobName="left")["TrainingJobStatus"] in ("Stopping", "Stopped")


        def test_time_passes(sagemaker_harness):
            import json
            import urllib.request

            sagemaker_harness.advance_clock(3600)
            token = (sagemaker_harness.state / "admin-token").read_text()
            asked = urllib.request.Request(
                sagemaker_harness.address + "/_harness/clock", headers={"Authorization": "Bearer " + token}
            )
            with urllib.request.urlopen(asked) as answer:
                assert json.load(answer)["offset"] > 3599
        """,
    )
    assert project.passes("-q").counts() == {"passed": 6}
    state = project.root / ".harness" / "pytest" / "main"
    assert (state / "emulator.log").exists()
    assert read_announcement(state) is None


def test_the_sdk_trains_and_nothing_is_left_patched(project: Any) -> None:
    project.write(
        "conftest.py",
        """
        import os
        import sys

        import boto3
        import botocore.httpsession
        import botocore.session
        import botocore.waiter
        import pytest

        boto3.setup_default_session(region_name="eu-north-1")


        def state_of_things():
            return {
                "environment": dict(os.environ),
                "default session": boto3.DEFAULT_SESSION,
                "session": dict(vars(botocore.session.Session)),
                "module": {name: value for name, value in vars(botocore.session).items()},
                "loader": dict(vars(botocore.session.botocore.loaders.Loader)),
                "waiter": dict(vars(botocore.waiter.Waiter)),
                "http": dict(vars(botocore.httpsession.URLLib3Session)),
                "finders": [each for each in sys.meta_path if "Shim" in type(each).__name__],
                "path": list(sys.path),
            }


        BEFORE = state_of_things()


        @pytest.fixture
        def before():
            return BEFORE


        @pytest.fixture
        def now():
            return state_of_things()
        """,
    )
    project.write(
        "test_sdk.py",
        """
        import os
        import sys
        import time


        def test_the_sdk_trains(sagemaker_session, harness_role, harness_bucket, tmp_path, before):
            assert list(tmp_path.iterdir()) == []
            assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1")
            from sagemaker import image_uris
            from sagemaker.estimator import Estimator
            from sagemaker.inputs import TrainingInput

            table = tmp_path / "train.csv"
            table.write_text("".join(f"{i % 2},{i % 2 + 0.1 * (i % 7)},{i % 5}\\n" for i in range(200)))
            data = sagemaker_session.upload_data(str(table), key_prefix="train")
            estimator = Estimator(
                image_uris.retrieve("xgboost", "us-east-1", version="3.0-5"),
                harness_role,
                instance_count=1,
                instance_type="ml.m5.large",
                sagemaker_session=sagemaker_session,
                hyperparameters={"objective": "binary:logistic", "num_round": 3},
            )
            estimator.fit({"train": TrainingInput(data, content_type="text/csv")}, logs="None")
            assert estimator.model_data.startswith(f"s3://{harness_bucket}/")
            os.environ["LEFT_BY_THE_TEST"] = "as it is"
            sys.modules["sagemaker.session"].time.sleep(0)


        def test_all_is_as_before(before, now):
            before["environment"]["LEFT_BY_THE_TEST"] = "as it is"
            # What pytest itself says of the test that runs.
            for each in (before, now):
                each["environment"].pop("PYTEST_CURRENT_TEST", None)
                each["environment"].pop("PYTEST_VERSION", None)
            assert now == before
            # Modules of the SDK were imported while they were patched.
            assert sys.modules["sagemaker.session"].time is time
            assert "exec_module" not in vars(sys.modules["sagemaker.session"].__spec__.loader)
        """,
    )
    options = ("-q", "-W", "ignore::DeprecationWarning", "-W", "ignore::UserWarning", "-W", "ignore::FutureWarning")
    assert project.passes(*options).counts() == {"passed": 2}


def test_clients_made_before_the_test_cannot_reach_aws(project: Any) -> None:
    project.write(
        "test_guard.py",
        """
        import boto3
        import pytest

        early = boto3.client("sagemaker", "us-east-1", aws_access_key_id="AKIAREAL", aws_secret_access_key="real")


        def test_early(sagemaker_harness):
            with pytest.raises(RuntimeError, match="api.sagemaker.us-east-1.amazonaws.com.*make clients where"):
                early.list_models()
            # One that names AWS itself, made in time, is led to the emulator.
            named = boto3.client("sts", endpoint_url="https://sts.us-east-1.amazonaws.com")
            assert named.get_caller_identity()["Account"] == sagemaker_harness.account
        """,
    )
    assert project.passes("-q").counts() == {"passed": 1}


def test_expectations_cleanup_and_longer_lives(project: Any) -> None:
    project.write("pytest.ini", "[pytest]\nharness_scope = module\nfilterwarnings = error\n")
    project.write(
        "test_module.py",
        """
        import pytest

        done = []


        @pytest.fixture(scope="module")
        def prepared(harness_session, harness_bucket):
            harness_session.client("s3").put_object(Bucket=harness_bucket, Key="a/b.txt", Body=b"once")
            harness_session.cleanup(done.append, "second")
            harness_session.cleanup(done.append, "first")
            return harness_bucket


        def test_one(prepared, harness_expectations):
            harness_expectations.objects(f"s3://{prepared}/a", ["b.txt"])


        def test_two(prepared, sagemaker_harness):
            assert sagemaker_harness.client("s3").head_object(Bucket=prepared, Key="a/b.txt")
            assert done == []
        """,
    )
    project.write(
        "test_then.py",
        "import test_module\n\n\ndef test_cleaned():\n    assert test_module.done == ['first', 'second']\n",
    )
    assert project.passes("-q").counts() == {"passed": 3}


def test_workers_have_an_emulator_each(project: Any) -> None:
    text = """
        import time

        def test_where(sagemaker_harness, record_property):
            print(sagemaker_harness.state.name, sagemaker_harness.address)
            assert sagemaker_harness.client("s3").list_buckets()["Buckets"] == []
            time.sleep(1)  # so that one worker does not take both
        """
    project.write("test_one.py", text)
    project.write("test_two.py", text)
    ran = project.passes("-q", "-rP", "-n", "2", "-p", "xdist", "--dist", "load")
    told = [line.split() for line in ran.text.splitlines() if line.startswith("gw")]
    assert {name for name, _ in told} == {"gw0", "gw1"}
    assert len({address for _, address in told}) == 2
    for worker in ("gw0", "gw1"):
        assert read_announcement(project.root / ".harness" / "pytest" / worker) is None


def test_a_state_folder_is_kept_and_shared(project: Any) -> None:
    project.write(
        "test_kept.py",
        """
        def test_kept(sagemaker_harness):
            print("state", sagemaker_harness.state, sagemaker_harness.address)
        """,
    )
    from harness.clients.emulator_lease import shared

    state = project.root / "kept"
    with shared(state) as emulator:
        for options in ((), ("-n", "1")):
            ran = project.passes("-q", "-rP", "--harness-state", "kept", *options)
            assert f"state {state} {emulator.address}" in ran.text
        assert process_alive(emulator.pid)
    assert (state / "records.sqlite").exists()


def test_a_profile_that_cannot_be_says_so(project: Any) -> None:
    project.write("test_it.py", "def test_it(sagemaker_harness): ...\n")
    ran = project.pytest("-q", "--profile", "nowhere")
    assert ran.code == 1
    assert "no profile 'nowhere'; known: local" in ran.text
    assert "Traceback" not in ran.text


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('s3_url = "http://127.0.0.1:1"', "no S3 answers at http://127.0.0.1:1"),
        ('aws_backend = "azure"', "profile 'mine': aws_backend must be 'moto' or 'localstack', not 'azure'"),
        ('runner = "vm"', "profile 'mine': runner must be 'process' or 'docker' or 'sdk-local', not 'vm'"),
    ],
)
def test_a_profile_of_ones_own_says_what_the_emulator_is_started_with(project: Any, line: str, told: str) -> None:
    project.write("harness.toml", f'[profiles.mine]\nkind = "local"\n{line}\n')
    project.write("test_it.py", "def test_it(sagemaker_harness): ...\n")
    ran = project.pytest("-q", "--profile", "mine", AWS_ACCESS_KEY_ID="a", AWS_SECRET_ACCESS_KEY="b")
    assert ran.code == 1
    assert told in ran.text
    assert "During handling" not in ran.text


@pytest.mark.needs("sdk-v3-environment")
def test_the_resources_of_v3_have_a_client_of_the_test(project: Any) -> None:
    """In an environment with v3 and a pytest, on an emulator that runs elsewhere."""
    from harness.clients.emulator_lease import shared
    from harness.profiles.sdk_environments import python_for

    parts = project.root / "parts"
    parts.mkdir()
    packages = Path(pytest.__file__).parents[1]
    for name in ("pytest", "_pytest", "py.py", "iniconfig", "pluggy", "exceptiongroup", "tomli"):
        if (packages / name).exists():  # the last two where Python is old
            (parts / name).symlink_to(packages / name)
    (project.root / "pytest.ini").write_text("[pytest]\n")
    project.write(
        "test_v3.py",
        """
        import boto3
        from sagemaker.core.utils.utils import SageMakerClient

        early = SageMakerClient(boto3.Session("a", "b", region_name="us-east-1"))
        seen = []

        def test_one(sagemaker_harness):
            seen.append(SageMakerClient())
            assert seen[0] is not early
            assert seen[0].sagemaker_client.meta.endpoint_url == sagemaker_harness.address

        def test_two(sagemaker_harness):
            assert SageMakerClient() not in (early, *seen)

        def test_between():
            assert SageMakerClient() is early
        """,
    )
    with shared(project.root / "kept"):
        told = {"PYTHONPATH": str(parts), "python": str(python_for("v3", print))}
        ran = project.passes("-q", "-p", "no:cacheprovider", "--harness-state", "kept", **told)
    assert ran.counts()["passed"] == 3, ran.text
