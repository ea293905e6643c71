"""Commands that tell what runs and what ran: ps, status, coverage and logs, with and without an emulator."""

from __future__ import annotations

import pytest

from harness.cli.ps import age
from tests.projects import Project


def test_what_runs_is_listed_and_what_it_serves_is_told(project: Project) -> None:
    without = project.json("coverage")
    assert "CreateTrainingJob" in without["services"]["sagemaker"]["supported"]
    assert "s3" in without["backend"]["services"]
    project.scenario("story", "session.client('sagemaker').create_experiment(ExperimentName='e')")
    assert project.run("start", "--port", "0").returncode == 0
    try:
        assert "Nothing runs." in project.run("ps").stdout
        assert project.json("ps") == []
        status = project.run("status").stdout
        assert status.startswith("The emulator runs at http://127.0.0.1:")
        assert "kept when it stops" in status
        served = project.json("coverage")
        assert served["services"]["sagemaker"]["supported"] == without["services"]["sagemaker"]["supported"]
        assert served["backend"]["services"] == without["backend"]["services"]
    finally:
        project.run("stop")
    missing = project.run("logs", "nothing-like-that")
    assert missing.returncode == 3
    assert "there is no log of a job or endpoint named 'nothing-like-that'" in missing.stderr


def test_a_broken_file_does_not_block_the_other_scenarios(project: Project) -> None:
    project.scenario("fine", "pass")
    (project.folder / "scenarios" / "broken.py").write_text("def (\n")
    named = project.run("run", "fine")
    assert named.returncode == 0, named.stderr
    every = project.run("run")
    assert every.returncode == 1
    assert "passed 1 of 1 scenario" in every.stdout
    assert "not run: broken.py is not valid Python (line 1)" in every.stderr
    assert project.run("run", "broken").returncode == 3
    assert [each["name"] for each in project.json("list")] == ["fine"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (7300, "2 h"), (200_000, "2 d"), (-3, "0 s")]
)
def test_ages_are_told_in_their_largest_unit(seconds: float, text: str) -> None:
    assert age(seconds) == text
