"""The reference scenario on AWS as the stand-in has it: the story of the user, nothing of it changed for the occasion.

The two hours that it lets pass are slept through, as on AWS; in the test's world time has passed when it wakes.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.aws_stand_in.configuration import DEVELOPER, ROLE
from tests.aws_stand_in.running import PROFILE, AwsProject

ROOT = Path(__file__).parents[2]
LAG = {"ListEndpoints": 1, "ListModels": 1, "ListMonitoringSchedules": 1, "GetResources": 2, "HeadBucket": 1}
DELAYS = {"Endpoint": 3.0, "TrainingJob": 1.0, "ProcessingJob": 1.0, "TransformJob": 1.0}
SERVICES = {"sagemaker", "sagemaker-runtime", "sagemaker-metrics", "s3", "sts", "logs", "resourcegroupstaggingapi"}


STRICT = {"lag": LAG, "delays": DELAYS}


@pytest.mark.slow
@pytest.mark.timeout(560)
def test_the_reference_scenario_without_a_line_of_difference(aws_project: AwsProject) -> None:
    project = aws_project
    for folder in ("scenarios", "fixtures"):
        (project.folder / folder).symlink_to(ROOT / folder)
    project.configure(f'{PROFILE}monitoring = "schedule"\n')
    project.stand_in.begin(throttle=5)
    done = project.play("run", "credit_default", "--profile", "aws", "--yes", timeout=540)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing billable is left" in done.stdout
    check_reference_run(project, processing_jobs=2)


def check_reference_run(project: AwsProject, processing_jobs: int) -> None:
    """Check the newest report, and what AWS was asked for. Cleaning and baseline are two processing jobs."""
    assert project.left() == []
    file = max((project.state / "reports").glob("*/report.json"))
    (scenario,) = json.loads(file.read_text())["scenarios"]
    assert all(step["state"] == "passed" for step in scenario["steps"])
    met = [each for step in scenario["steps"] for each in step["expectations"]]
    assert len(met) > 15
    assert all(each["passed"] for each in met)
    seen = [each for each in project.stand_in.requests() if each["operation"]]
    assert {each["service"] for each in seen} >= SERVICES
    assert {each["principal"] for each in seen} == {DEVELOPER}
    created = [each["operation"] for each in seen if each["status"] == 200 and each["operation"].startswith("Create")]
    assert {"CreateTrainingJob", "CreateTransformJob", "CreateEndpoint", "CreateMonitoringSchedule"} <= set(created)
    assert created.count("CreateProcessingJob") == processing_jobs


THIRD = pytest.mark.needs("sdk-v3-environment")


@pytest.mark.slow
@pytest.mark.timeout(560)
@pytest.mark.parametrize("scenario", ["credit_default", pytest.param("smoke", marks=THIRD)])
def test_the_least_policies_carry_a_scenario(aws_project: AwsProject, scenario: str) -> None:
    """Learned from a run that cost nothing, written to a file, attached, and all that there is on AWS then."""
    project = aws_project
    for folder in ("scenarios", "fixtures"):
        (project.folder / folder).symlink_to(ROOT / folder)
    project.configure(f'{PROFILE}monitoring = "one-off"\n')
    try:
        local = project.play("run", scenario, timeout=200)
    finally:
        project.stop()
    assert local.returncode == 0, local.stdout + local.stderr
    plan = ("plan", scenario, "--profile", "aws", "--policy", "policies.json")
    assert project.play(*plan).returncode == 0
    least = json.loads((project.folder / "policies.json").read_text())
    roles = {ROLE: {"policies": [least["role"]], "trusts": ["sagemaker.amazonaws.com"]}}
    # With what the look beforehand needs, nothing is left unchecked.
    project.stand_in.begin(users={DEVELOPER: [least["caller"], least["preflight"]]}, roles=roles)
    looked = project.play(*plan)
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "could not be checked" not in looked.stdout
    assert refused(project) == set()
    # Without it the run has all that it needs.
    project.stand_in.begin(users={DEVELOPER: [least["caller"]]}, roles=roles, **STRICT)
    done = project.play("run", scenario, "--profile", "aws", "--yes", timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing billable is left" in done.stdout
    assert project.left() == []
    assert refused(project) <= {"iam", "ecr", "service-quotas"}
    if scenario == "credit_default":
        # Each of the two hours of monitoring is a job of its own.
        check_reference_run(project, processing_jobs=4)


def refused(project: AwsProject) -> set[str]:
    return {each["service"] for each in project.stand_in.requests() if each["code"].startswith("AccessDenied")}


@pytest.mark.slow
@pytest.mark.timeout(400)
@THIRD
def test_the_same_with_the_sdk_of_the_third_generation(aws_project: AwsProject) -> None:
    project = aws_project
    for folder in ("scenarios", "fixtures"):
        (project.folder / folder).symlink_to(ROOT / folder)
    project.stand_in.begin(throttle=5)
    done = project.play("run", "smoke", "--profile", "aws", "--yes", timeout=380)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing billable is left" in done.stdout
    assert project.left() == []
