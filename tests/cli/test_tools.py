"""The smaller commands: logs, invoke, clock, coverage, doctor."""

from __future__ import annotations

import json
import os
import sys

import pytest

from harness.cli.clock import Duration
from tests.cli.conftest import Project

JOB = """
import boto3
s3, sagemaker = boto3.client("s3"), boto3.client("sagemaker")
s3.create_bucket(Bucket="the-bucket")
script = b"import time\\nprint('first')\\ntime.sleep(1)\\nprint('last')"
s3.put_object(Bucket="the-bucket", Key="code/x.py", Body=script)
path = "/opt/ml/processing/input/code"
source = {"S3Uri": "s3://the-bucket/code", "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"}
sagemaker.create_processing_job(
    ProcessingJobName="job-1", RoleArn="arn:aws:iam::123456789012:role/R",
    AppSpecification={
        "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5",
        "ContainerEntrypoint": ["python3", path + "/x.py"],
    },
    ProcessingInputs=[{"InputName": "code", "S3Input": source}],
    ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
)
"""


def test_logs_follow_a_job_to_its_end(started: Project) -> None:
    made = started.run("exec", "--", sys.executable, "-c", JOB)
    assert made.returncode == 0, made.stderr
    followed = started.run("logs", "job-1", "-f").stdout.splitlines()
    assert followed[-2:] == ["first", "last"]
    assert started.run("logs", "job-1").stdout.splitlines() == followed
    unknown = started.run("logs", "job-2")
    assert unknown.returncode == 3
    assert unknown.stderr == "harness: there is no job or endpoint named 'job-2'; the latest are job-1\n"


def test_the_clock_moves_and_tells(started: Project) -> None:
    before = started.json("clock")["offset"]
    assert started.json("clock", "advance", "1h30m")["offset"] == pytest.approx(before + 5400, abs=30)
    assert "ahead of the real one" in started.run("clock").stdout
    wrong = started.run("clock", "advance", "soon")
    assert wrong.returncode == 2
    assert "'soon' is not a duration; write it like 90s" in wrong.stderr


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("1h", 3600), ("1h30m", 5400), ("2d", 172800), ("0.5h", 1800), ("15", 15)]
)
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


def test_invoke_tells_the_services_own_error(started: Project) -> None:
    done = started.run("invoke", "nowhere", "--body", "1,2")
    assert done.returncode == 1
    assert "harness: An error occurred (ValidationError)" in done.stderr
    assert started.run("invoke", "nowhere", "--body", "1", "--file", __file__).returncode == 2


def test_coverage_counts_and_names(started: Project) -> None:
    told = started.run("coverage").stdout
    assert "CreateTrainingJob" in told
    assert "sagemaker-runtime: " in told
    assert "InvokeEndpoint" in told
    assert "CreateTrainingJob" in started.json("coverage")["services"]["sagemaker"]["supported"]


def test_doctor_finds_this_machine_fit_and_says_how_things_are_done(project: Project) -> None:
    told = project.json("doctor")
    findings = {finding["name"]: finding for finding in told["findings"]}
    assert told["fit"] is True
    assert sys.executable in findings["Python"]["found"]
    assert {"jobs: /opt/ml", "offline runs", "port", "state folder", "SageMaker SDK v3", "Docker"} <= set(findings)
    lacking = [finding for finding in told["findings"] if finding["state"] != "ok" and "jobs: " not in finding["name"]]
    assert all(finding["remedy"] for finding in lacking)
    assert not project.state.exists()


def test_doctor_names_the_remedy_where_namespaces_are_missing(project: Project) -> None:
    project.environment["HARNESS_ROOTS"] = "environment"
    findings = {finding["name"]: finding for finding in project.json("doctor")["findings"]}
    assert findings["jobs: /opt/ml"]["state"] == "limited"
    assert "install proot" in findings["jobs: /opt/ml"]["remedy"]
    assert findings["offline runs"]["state"] == "limited"
    assert "audit hook" in findings["offline runs"]["found"]
    assert findings["admin interface"]["state"] == "limited"
    assert "could read the token" in findings["admin interface"]["found"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_doctor_finds_a_state_folder_unfit_that_cannot_be_written(project: Project) -> None:
    project.folder.chmod(0o500)
    try:
        done = project.run("doctor", "--json")
    finally:
        project.folder.chmod(0o700)
    assert done.returncode == 3
    assert json.loads(done.stdout)["fit"] is False
