"""Expectations on jobs, on jobs that really run: their end, their log, what they cost, and the evidence."""

from __future__ import annotations

import time

import pytest

from harness.asserts import ExpectationFailed, Expectations
from harness.asserts.jobs import billed_seconds
from tests.asserts.told import Told
from tests.cloud import Cloud

SLOWLY = "import time\nprint('it begins', flush=True)\ntime.sleep(1.5)\nprint('row 17 of 20', flush=True)\n"
FAILING = "print('before the end', flush=True)\nraise SystemExit(3)\n"


@pytest.fixture(scope="module")
def failed(cloud: Cloud) -> str:
    return str(cloud.process(FAILING)["ProcessingJobName"])


def test_the_end_of_a_job_is_waited_for(cloud: Cloud, expects: Expectations, session: Told) -> None:
    name = cloud.start_processing(SLOWLY)
    described = expects.completed("ProcessingJob", name)
    ended = time.time() - described["ProcessingEndTime"].timestamp()
    assert described["ProcessingJobStatus"] == "Completed"
    assert ended < 1.0
    assert session.told == [(f"ProcessingJob {name} is Completed", True)]


def test_a_job_that_takes_too_long_is_told_with_what_there_is(cloud: Cloud, expects: Expectations) -> None:
    name = cloud.start_processing(SLOWLY)
    with pytest.raises(ExpectationFailed) as told:
        expects.completed("ProcessingJob", name, seconds=0)
    for text in ("found InProgress after 0 s", "the last answer of describe_processing_job", f"harness logs {name}"):
        assert text in str(told.value)
    expects.completed("ProcessingJob", name)


def test_a_failed_job_is_told_with_reason_log_and_answer(failed: str, expects: Expectations, session: Told) -> None:
    with pytest.raises(ExpectationFailed) as told:
        expects.completed("ProcessingJob", failed)
    for text in (
        "found Failed: AlgorithmError",
        "  | before the end",
        '"ExitMessage"' if "ExitMessage" in str(told.value) else '"ProcessingJobName"',
        "aws logs tail /aws/sagemaker/ProcessingJobs",
    ):
        assert text in str(told.value)
    assert session.told == [(f"ProcessingJob {failed} is Completed", False)]


def test_a_failure_may_be_what_is_expected(failed: str, expects: Expectations) -> None:
    assert "FailureReason" in expects.failed("ProcessingJob", failed, reason="AlgorithmError|exit code")
    with pytest.raises(ExpectationFailed, match=r"fails because of 'no such reason'"):
        expects.failed("ProcessingJob", failed, reason="no such reason")


def test_lines_of_the_log_are_waited_for_while_the_job_runs(cloud: Cloud, expects: Expectations) -> None:
    name = cloud.start_processing(SLOWLY)
    assert expects.logged("ProcessingJob", name, r"row \d+ of 20") == "row 17 of 20"
    with pytest.raises(ExpectationFailed, match=r"has a line 'row 18'[\s\S]*  \| row 17 of 20"):
        expects.logged("ProcessingJob", name, "row 18")


def test_and_lines_that_must_not_come(failed: str, expects: Expectations) -> None:
    expects.never_logged("ProcessingJob", failed, "Traceback")
    with pytest.raises(ExpectationFailed, match=r"has no line 'before'\nit says: before the end"):
        expects.never_logged("ProcessingJob", failed, "before")


def test_what_a_job_was_billed(failed: str, expects: Expectations) -> None:
    assert 0 < expects.billed("ProcessingJob", failed, below=60) < 60
    with pytest.raises(ExpectationFailed, match=r"below 0\.001 s"):
        expects.billed("ProcessingJob", failed, below=0.001)


def test_instances_multiply_what_is_billed() -> None:
    cluster = {"InstanceGroups": [{"InstanceCount": 2}, {"InstanceCount": 1}]}
    assert billed_seconds({"BillableTimeInSeconds": 100, "ResourceConfig": {"InstanceCount": 3}}) == 300
    assert billed_seconds({"BillableTimeInSeconds": 10, "ResourceConfig": cluster}) == 30


def test_a_kind_of_job_that_does_not_exist(expects: Expectations) -> None:
    with pytest.raises(ValueError, match=r"'TuningJob' is none of TrainingJob, ProcessingJob"):
        expects.completed("TuningJob", "a")


def test_a_job_that_is_not_there(expects: Expectations) -> None:
    for kind in ("ProcessingJob", "TrainingJob", "TransformJob", "Endpoint"):
        with pytest.raises(ExpectationFailed, match=rf"{kind} nowhere is there\n[\s\S]*it was never created"):
            expects._wait_until_final(kind, "nowhere", 30.0)
