"""The localmode profile on a real engine: scenarios as a user writes them, with an image of the user's own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.projects import Project, standing_in

pytestmark = pytest.mark.needs("docker")

BASE = os.environ.get("HARNESS_DOCKER_BASE", "harness-base:bookworm")
FILES = Path(__file__).parent
IMAGE = f"localhost:5000/team/localmode-test:{secrets.token_hex(4)}"
URI = "123456789012.dkr.ecr.us-east-1.amazonaws.com/team/own:1"
ANALYZER = "sagemaker-model-monitor-analyzer"


def docker(*arguments: str, **more: Any) -> str:
    return subprocess.run(["docker", *arguments], check=True, capture_output=True, text=True, **more).stdout


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    lines = f'FROM {BASE}\nCOPY program /usr/local/bin/program\nENTRYPOINT ["python3", "/usr/local/bin/program"]\n'
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in (("Dockerfile", lines.encode()), ("program", (FILES / "program").read_bytes())):
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    command = ["docker", "build", "--quiet", "--tag", IMAGE, "-"]
    subprocess.run(command, check=True, capture_output=True, input=packed.getvalue())
    yield IMAGE
    subprocess.run(["docker", "rmi", "--force", IMAGE], check=False, capture_output=True)


@pytest.fixture
def project(tmp_path: Path, image: str) -> Iterator[Project]:
    (tmp_path / "harness.toml").write_text(f'[images]\n"{URI}" = "{image}"\n"{ANALYZER}" = "{image}"\n')
    (tmp_path / "fixtures").mkdir()
    (tmp_path / "scenarios").mkdir()
    with standing_in(Project(tmp_path)) as made:
        yield made
    assert left(made) == []


def left(project: Project) -> list[str]:
    return docker("ps", "--all", "--quiet", "--filter", f"label=harness.state={project.state}").split()


def played(project: Project, name: str) -> dict[str, Any]:
    """Its report; the scenario passed, and nothing of it is left."""
    shutil.copy(FILES / f"{name}.py", project.folder / "scenarios")
    done = project.run("run", name, "--profile", "localmode", "--json")
    assert done.stdout, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)["scenarios"][0]
    assert done.returncode == 0, "\n".join([report["traceback"], *report["log_tail"], done.stderr])
    return report


def test_jobs_run_in_local_mode_and_are_told_of_as_on_aws(project: Project) -> None:
    report = played(project, "jobs")
    trained = [one for one in report["resources"] if one["kind"] == "TrainingJob"]
    assert trained[0]["curves"] == {"loss": [0.5, 0.25]}
    assert "[0]#011loss=0.25;" in trained[0]["log_tail"]


def test_endpoints_are_captured_and_watched_several_at_once(project: Project) -> None:
    played(project, "endpoints")


def test_a_pipeline_runs_in_local_mode(project: Project) -> None:
    report = played(project, "pipeline")
    assert {one["kind"] for one in report["resources"]} >= {"ProcessingJob", "TrainingJob"}


@pytest.mark.needs("sdk-v3-environment")
def test_the_trainer_of_v3_runs_in_local_mode(project: Project) -> None:
    report = played(project, "trainer")
    states = [one["status"] for one in report["resources"] if one["kind"] == "TrainingJob"]
    assert states == ["Completed", "Completed", "Failed"]


def test_local_modes_own_words_are_taken(project: Project) -> None:
    played(project, "localwords")


@contextlib.contextmanager
def hanging(project: Project) -> Iterator[subprocess.Popen[bytes]]:
    """A run whose endpoint is in service and whose scenario goes on for ever."""
    with tarfile.open(project.folder / "fixtures" / "model.tar.gz", "w:gz") as archive:
        member = tarfile.TarInfo("weights")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"2"))
    shutil.copy(FILES / "hanging.py", project.folder / "scenarios")
    command = project.argv("run", "hanging", "--profile", "localmode")
    running = subprocess.Popen(command, cwd=project.folder, env=project.environment, start_new_session=True)
    try:
        events, deadline = project.state / "reports", time.monotonic() + 45
        while not any('"Hang"' in file.read_text() for file in events.glob("*/hanging/events.jsonl")):
            assert running.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.1)
        assert left(project) != []
        yield running
    finally:
        for pid in _below(running.pid):
            os.kill(pid, signal.SIGKILL)
        running.wait()


def test_what_a_killed_run_left_is_swept_by_the_next(project: Project) -> None:
    with hanging(project):
        pass  # leaving it kills it
    assert left(project) != []
    project.scenario("empty", "pass")
    assert project.run("run", "empty", "--profile", "localmode").returncode == 0
    assert left(project) == []


def test_ctrl_c_leaves_nothing(project: Project) -> None:
    with hanging(project) as running:
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
    assert left(project) == []


def _below(pid: int) -> list[int]:
    """A process and all it started, as they are now."""
    if not Path(f"/proc/{pid}").exists():
        return []
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in _below(int(child)))]
