"""``needs`` and ``parity`` on tests that use the fixtures, and faults that end with their test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any


def test_a_missing_part_skips_and_where_required_fails(project: Any, scenario: Callable[..., Path]) -> None:
    """SDK v3 never lives beside v2, with which these tests run."""
    project.write(
        "test_needy.py",
        """
        import pytest


        @pytest.mark.needs("sdk-v3", "docker")
        def test_needy(sagemaker_harness): ...
        """,
    )
    scenario("needy", "raise AssertionError('never played')", NEEDS=("sdk-v3",))
    ran = project.passes("-q", "-rs")
    assert ran.counts() == {"skipped": 2}
    assert "needs sdk-v3: SageMaker SDK v3 is not installed here" in ran.text
    ran = project.pytest("-q", HARNESS_REQUIRE="browser, sdk-v3")
    assert ran.counts() == {"error": 2}
    assert "needs sdk-v3, which HARNESS_REQUIRE names" in ran.text
    assert not (project.root / ".harness").exists()


def test_a_test_makes_one_claim_at_most(project: Any) -> None:
    project.write(
        "test_claims.py",
        """
        import pytest

        PARITY = "same-as-aws"


        @pytest.mark.parity("differs: here")
        def test_two(sagemaker_harness): ...


        def test_not_ours(): ...
        """,
    )
    ran = project.pytest("-q")
    assert ran.counts() == {"error": 1, "passed": 1}
    assert "test_two makes 2 parity claims" in ran.text


def test_faults_end_with_their_test(project: Any) -> None:
    project.write(
        "test_faults.py",
        """
        import boto3
        import pytest
        from botocore.config import Config
        from botocore.exceptions import ClientError


        @pytest.fixture
        def sagemaker(sagemaker_harness):
            return boto3.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))


        def test_throttled(sagemaker, sagemaker_harness):
            sagemaker_harness.faults.throttle("ListModels", times=None)
            with pytest.raises(ClientError, match="ThrottlingException"):
                sagemaker.list_models()


        def test_not_throttled(sagemaker, sagemaker_harness):
            assert sagemaker.list_models()["Models"] == []
            assert sagemaker_harness.faults.list() == []
        """,
    )
    assert project.passes("-q").counts() == {"passed": 2}
