"""Jobs that install packages: from the index that pip of this machine is configured for, and from nowhere else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import Cloud, running_cloud
from tests.runners.wheels import tiny_lock

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


SCRIPT = """
import os, subprocess, sys
for command in os.environ["COMMANDS"].split(";"):
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print("$", command, "->", done.returncode, done.stdout)
"""
IMPORT = "python3 -c 'import tiny'"


def _configure(monkeypatch: pytest.MonkeyPatch, index: Path) -> None:
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", index.as_uri())


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cloud]:
    """An emulator on a machine whose pip has one local index, with the package ``tiny``."""
    project = tmp_path / "index" / "tiny"
    project.mkdir(parents=True)
    tiny_lock(project)
    _configure(monkeypatch, tmp_path / "index")
    with running_cloud(tmp_path / ".harness") as made:
        yield made


def _run(cloud: Cloud, *commands: str, **more: object) -> str:
    ended = cloud.process(SCRIPT, Environment={"COMMANDS": ";".join(commands)}, **more)
    assert ended["ProcessingJobStatus"] == "Completed", ended
    return str(ended["ProcessingJobName"])


def _answers(cloud: Cloud, *commands: str, **more: object) -> list[str]:
    text = "\n".join(cloud.log(_run(cloud, *commands, **more)))
    return [part.partition(" -> ")[2] for part in text.split("$ ")[1:]]


def test_a_job_installs_for_itself_and_reaches_nothing_else(cloud: Cloud) -> None:
    installed = _answers(
        cloud,
        f"pip install tiny && {IMPORT}",
        "pip install --extra-index-url https://index.example/simple missing",
        "apt-get install -y missing",
        "git ls-remote https://code.example/a/b",
    )
    assert installed[0].startswith("0 "), installed[0]
    assert all(not answer.startswith("0 ") for answer in installed[1:])
    assert "harness refused index.example" in installed[1]
    assert "image of your own" in installed[2]
    assert "harness refused code.example" in installed[3]
    later, alone = (
        _answers(cloud, IMPORT),
        _answers(cloud, IMPORT, 'test -n "$PIP_INDEX_URL"', NetworkConfig={"EnableNetworkIsolation": True}),
    )
    assert "No module named 'tiny'" in later[0]
    assert [answer[0] for answer in alone] == ["1", "1"]


def test_pip_names_the_setting_when_installing_is_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _configure(monkeypatch, tmp_path)
    with running_cloud(tmp_path / ".harness", install=False) as cloud:
        (answer,) = _answers(cloud, "pip install tiny")
    assert answer.startswith("1 ")
    assert "HARNESS_INSTALL=1" in answer
