"""What a failing test shows besides its traceback."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree as ET

from tests.pytest_plugin.test_fixtures import JOBS


def test_a_failing_test_shows_answers_jobs_objects_and_commands(project: Any) -> None:
    project.write("jobs.py", JOBS)
    project.write(
        "test_failing.py",
        """
        import boto3
        import botocore.exceptions
        import pytest

        from jobs import finished, start


        def test_fails(sagemaker_harness, harness_role, harness_bucket, harness_expectations):
            harness_expectations.equal(1, 1, "one is one")
            with pytest.raises(botocore.exceptions.ClientError):
                boto3.client("sagemaker").describe_model(ModelName="missing")
            start("doomed", harness_role, harness_bucket, "fail")
            with pytest.raises(botocore.exceptions.WaiterError):
                finished("doomed")
            harness_expectations.completed("TrainingJob", "doomed")


        def test_passes(sagemaker_harness): ...


        def test_of_others():
            assert False
        """,
    )
    ran = project.pytest("-q", "--junitxml", "junit.xml")
    assert ran.counts() == {"failed": 2, "passed": 1}
    shown = ran.text
    assert "expected: TrainingJob doomed is Completed" in shown
    assert "met      one is one" in shown
    assert "NOT MET  TrainingJob doomed is Completed" in shown
    assert "400  sagemaker DescribeModel  ValidationException: Could not find model" in shown
    assert "Failed  training-job doomed" in shown
    assert "AlgorithmError: it was told to fail, exit code: 3" in shown
    assert "  | the program speaks" in shown
    assert "/code/program.py" in shown
    state = project.root / ".harness" / "pytest" / "main"
    assert f"harness logs doomed --state {state}" in shown
    # The suite's own failure has no such sections, and the file of results has them too.
    assert shown.count("harness: the last answers") == 1
    assert "harness: jobs and endpoints" in ET.tostring(ET.parse(project.root / "junit.xml").getroot(), "unicode")
