"""A failed scenario that is kept, and gone on from: what is run again, what is answered as before, what is refused."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from harness.clients.emulator_process import find
from harness.scenario.resume.request_fingerprint import decode, encode, fingerprint
from tests.projects import Project, standing_in


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with standing_in(Project(tmp_path)) as project:
        yield project


STORY = """
import boto3
from sagemaker.utils import name_from_base
from tests.cloud import ROLE, XGBOOST
client = session.client("sagemaker")
def models():
    return [model["ModelName"] for model in client.list_models()["Models"]]
session.cleanup(lambda: [client.delete_model(ModelName=name) for name in models()])
with session.step("Make"):
    name = name_from_base("made")
    client.create_model(ModelName=name, PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE)
    session.advance_clock(3600)
    assert models() == [name]
    session.client("s3").create_bucket(Bucket="a-bucket")
    session.client("s3").put_object(Bucket="a-bucket", Key=name, Body=b"kept")
with session.step("Use"):
    client.create_model(
        ModelName=f"fixed-{session.run_id}", PrimaryContainer={"Image": XGBOOST}, ExecutionRoleArn=ROLE
    )
    #BREAK
    assert sorted(models()) == [f"fixed-{session.run_id}", name], models()
    assert session.client("s3").get_object(Bucket="a-bucket", Key=name)["Body"].read() == b"kept"
with session.step("End"):
    #LATER
    pass
"""
HEAD = 'SDK = "v2"\nTITLE = "The title"\nimport sagemaker\n'


def broken(text: str) -> str:
    return STORY.replace("#BREAK", "raise ValueError('broken on purpose')")if text == "Use" else STORY.replace(
        "#LATER", "raise ValueError('broken later')"
    )  # fmt: skip


def kept(project: Project, text: str = "Use") -> str:
    project.scenario("story", broken(text), head=HEAD)
    done = project.run("run", "--keep")
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def offset(project: Project) -> float:
    emulator = find(project.state)
    assert emulator is not None
    return float(emulator.ask("/_harness/clock")["offset"])


def test_a_failed_scenario_leaves_everything_and_goes_on_from_its_last_good_step(project: Project) -> None:
    told = kept(project)
    emulator = find(project.state)
    assert emulator is not None, "it stays"
    for text in (emulator.address, "harness run story --from last-good", "harness stop", "harness status"):
        assert text in told
    assert "Clean up" not in told
    assert offset(project) == pytest.approx(3600, abs=5)
    project.scenario("story", STORY, head=HEAD)
    again = project.run("run", "--from", "last-good")
    assert again.returncode == 0, again.stdout + again.stderr
    make, use, end = (
        next(line for line in again.stdout.splitlines() if f"✓ {step} " in line) for step in ("Make", "Use", "End")
    )
    assert "replayed" in make
    assert "replayed" not in use + end
    assert "✓ Take away what came after" in again.stdout
    assert "✓ Clean up" in again.stdout
    assert offset(project) == pytest.approx(3600, abs=5), "time passed once"
    assert not list((project.state / "kept").iterdir())
    assert find(project.state) is not None, "only `harness stop` ends it"


def test_it_may_fail_and_go_on_again_and_again(project: Project) -> None:
    kept(project)
    project.scenario("story", broken("End"), head=HEAD)
    again = project.run("run", "--from", "2")
    assert "failed in step 'End': ValueError: broken later" in again.stdout
    assert "harness run story --from last-good" in again.stdout
    project.scenario("story", STORY, head=HEAD)
    third = project.run("run", "--from", "last-good")
    assert third.returncode == 0, third.stdout + third.stderr
    assert third.stdout.count("replayed") == 2


def test_an_earlier_step_that_was_changed_runs_and_says_so(project: Project) -> None:
    kept(project)
    more = "client.create_model(ModelName='another', PrimaryContainer={'Image': XGBOOST}, ExecutionRoleArn=ROLE)"
    changed = STORY.replace("    session.advance_clock(3600)", f"    session.advance_clock(3600)\n    {more}")
    changed = changed.replace('[f"fixed-', '["another", f"fixed-')
    project.scenario("story", changed, head=HEAD)
    again = project.run("run", "--from", "Use")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "changed since: CreateModel" in again.stdout


def test_a_scenario_that_passes_keeps_nothing(project: Project) -> None:
    project.scenario("story", "with session.step('One'):\n    pass")
    done = project.run("run", "--keep")
    assert done.returncode == 0
    assert "kept:" not in done.stdout
    assert find(project.state) is None


def test_what_cannot_be_gone_on_from_is_refused(project: Project) -> None:
    project.scenario("story", "with session.step('One'):\n    pass\nwith session.step('Two'):\n    assert False")
    nothing = project.run("run", "--from", "One")
    assert nothing.returncode == 2
    assert "nothing is kept of story: run it with --keep" in nothing.stderr
    assert project.run("run", "--keep").returncode == 1
    unknown = project.run("run", "--from", "Three")
    assert unknown.returncode == 2
    assert "came to no step 'Three'; it came to: 1 One; 2 Two" in unknown.stderr
    project.scenario("story", "with session.step('One'):\n    pass")
    gone = project.run("run", "--from", "Two")
    assert "there is no step 'Two' any more" in gone.stdout
    project.scenario("other", "pass")
    several = project.run("run", "--from", "Two")
    assert several.returncode == 2
    assert "--from is for one scenario, and 2 are chosen" in several.stderr


def test_requests_are_told_apart_but_for_what_is_new_each_time() -> None:
    def of(**params: Any) -> str:
        return fingerprint("sagemaker", "CreateModel", params)

    assert of(A={"B": [1, "x"]}) == of(A={"B": [1, "x"]}, C=None)
    assert of(A=1) != of(A=2)
    assert of(ClientRequestToken="a", At=datetime.now(timezone.utc)) == of(
        ClientRequestToken="b", At=datetime.fromtimestamp(0, timezone.utc)
    )
    assert of(Body=b"1") != of(Body=b"2")
    assert of(Body=io.BytesIO(b"1")) == "", "it can be read only once"


def test_answers_come_back_as_they_were() -> None:
    answer = {"At": datetime.now(timezone.utc), "Body": b"\x00\xff", "List": [{"N": 1.5, "None": None}]}
    assert decode(encode(answer)) == answer
    assert encode({"Stream": io.BytesIO()}) is None
