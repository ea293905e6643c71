"""Scenario files as test items: which are collected, what their failure shows, and the one parity claim."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def test_scenarios_are_played_as_items(project: Any, scenario: Callable[..., Path]) -> None:
    scenario(
        "passing",
        """
        session.client("s3").create_bucket(Bucket="made-by-a-scenario")
        """,
    )
    scenario(
        "failing",
        """
        from harness.asserts import Expectations
        with session.step("Look around"):
            print("it looks")
            Expectations(session).equal(1, 2, "one is two")
        """,
    )
    scenario("elsewhere", "raise AssertionError('never played')", NEEDS=("a third hand",))
    project.write("scenarios/_shared.py", "SDK = 'v2'\n\n\ndef run(session): ...\n")
    project.write("test_beside.py", "def test_beside(): ...\n")
    ran = project.pytest("-v", "-rA")
    assert ran.counts() == {"passed": 2, "failed": 1, "error": 1}
    assert "PASSED scenarios/passing.py::run" in ran.text
    assert "FAILED scenarios/failing.py::run - Look around: expected: one is two" in ran.text
    assert "  | it looks" in ran.text
    assert "needs('a third hand'): there is no such part; known: docker" in ran.text
    report = project.root / ".harness" / "pytest" / "main" / "reports" / "failing" / "report.html"
    assert f"report: {report}" in ran.text
    assert report.exists()


def test_one_named_on_the_command_line_is_collected_once_and_not_imported(project: Any) -> None:
    text = "import not_installed_here\n\nTITLE = 'x'\nSDK = 'v3'\nPARITY = 'same-as-aws'\n\n\ndef run(session): ...\n"
    project.write("scenarios/named.py", text)
    project.write("elsewhere/also.py", text)
    project.write("elsewhere/not_named.py", text)
    ran = project.passes("--collect-only", "-q", "scenarios/named.py", "elsewhere/also.py")
    assert [line for line in ran.text.splitlines() if "::" in line] == [
        "scenarios/named.py::run",
        "elsewhere/also.py::run",
    ]
    ran = project.passes("--collect-only", "-q")
    assert [line for line in ran.text.splitlines() if "::" in line] == ["scenarios/named.py::run"]


@pytest.mark.parametrize(
    ("claims", "told"),
    [
        ("", "makes no parity claim"),
        ("PARITY = 'same-as-aws'\nPARITY = 'local-only: x'", "makes 2 parity claims"),
        ("PARITY = 'same'", "a parity claim is"),
        ("PARITY = 'differs'", "a parity claim is"),
    ],
)
def test_a_scenario_makes_exactly_one_parity_claim(project: Any, claims: str, told: str) -> None:
    project.write("scenarios/claiming.py", f"SDK = 'v2'\n{claims}\n\n\ndef run(session): ...\n")
    ran = project.pytest("-q", "--collect-only")
    assert ran.code == 2
    assert told in ran.text
    assert "Traceback" not in ran.text


def test_local_only_scenarios_and_tests_are_skipped_elsewhere(project: Any, scenario: Callable[..., Path]) -> None:
    scenario("local", "raise AssertionError('never played')", PARITY="local-only: it injects faults")
    project.write(
        "test_marked.py",
        """
        import pytest


        @pytest.mark.parity("local-only: it injects faults")
        def test_marked(sagemaker_harness): ...
        """,
    )
    ran = project.passes("-q", "-rs", "--profile", "aws")
    assert ran.counts() == {"skipped": 2}
    assert "local-only (it injects faults); the profile is aws" in ran.text


def test_nothing_is_played_on_aws_without_consent(project: Any, scenario: Callable[..., Path]) -> None:
    project.write(
        "harness.toml",
        """
        [profiles.aws]
        account_id = "123456789012"
        region = "us-east-1"
        role = "TheRole"
        """,
    )
    scenario("costly", "raise AssertionError('never played')")
    ran = project.pytest("-q", "--profile", "aws")
    assert ran.counts() == {"failed": 1}
    assert "on AWS scenarios cost money: add --harness-yes" in ran.text
    assert not (project.root / ".harness" / "pytest").exists()


def test_tests_in_a_folder_of_scenarios_claim_too(project: Any) -> None:
    project.write("scenarios/test_claimless.py", "def test_claimless(sagemaker_harness): ...\n")
    project.write(
        "scenarios/test_claiming.py",
        "PARITY = 'same-as-aws'\n\n\ndef test_claiming(sagemaker_harness): ...\n",
    )
    ran = project.pytest("-q")
    assert ran.counts() == {"passed": 1, "error": 1}
    assert "test_claimless makes no parity claim" in ran.text
