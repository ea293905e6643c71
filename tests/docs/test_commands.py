"""The commands of the documentation, executed: each page's in order, in a project folder of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environments import built
from tests.docs.pages import ROOT, Page, pages
from tests.projects import Project, standing_in

LIMIT = 170
"""Seconds for a page; on a machine that does nothing else none takes a minute."""
BASE = os.environ.get("HARNESS_DOCKER_BASE", "harness-base:bookworm")
BUILT = "churn:4"
"""What the page on images of one's own makes in the engine."""
AWS_CLI = ("awscli", "awscli>=1.40,<2")


def _executed(page: Page) -> list[Any]:
    """A page with commands, as a test with the page's markers."""
    if not any(block.language == "sh" and not block.skipped for block in page.blocks()):
        return []
    marks = [pytest.mark.needs(part) for part in page.needs]
    return [pytest.param(page, id=page.name, marks=[*marks, pytest.mark.slow, pytest.mark.timeout(LIMIT + 10)])]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A clone's `scenarios` and `fixtures`, and the commands that an installation gives."""
    folder, tools = tmp_path / "project", tmp_path / "bin"
    for name in ("scenarios", "fixtures"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    tools.mkdir()
    for command, argv in {"harness": ["-m", "harness.cli"], "python": [], "pytest": ["-m", "pytest"]}.items():
        (tools / command).write_text(f'#!/bin/sh\nexec {shlex.join([sys.executable, *argv])} "$@"\n')
        (tools / command).chmod(0o755)
    with standing_in(Project(folder)) as project:
        project.environment["PATH"] = f"{tools}{os.pathsep}{project.environment['PATH']}"
        project.environment["BASE"] = BASE
        yield project


@pytest.fixture
def engine_as_before(page: Page) -> Iterator[None]:
    yield
    if "docker" in page.needs:
        subprocess.run(["docker", "image", "rm", "--force", BUILT], check=False, capture_output=True)


@pytest.mark.parametrize("page", [case for page in pages() for case in _executed(page)])
def test_what_a_page_says_to_type_works(
    page: Page, project: Project, pytestconfig: pytest.Config, engine_as_before: None
) -> None:
    if "index" in page.needs:
        tools = built(pytestconfig, *AWS_CLI).parent
        project.environment["PATH"] += f"{os.pathsep}{tools}"
    script = []
    for block in page.blocks():
        if block.file:
            script.append(_writing(block.file, block.text))
        elif block.language == "sh" and not block.skipped:
            script.append(f"echo '--- {page.name}:{block.line}'\n{block.text}")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(script)],
        cwd=project.folder,
        env=project.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def _writing(name: str, text: str) -> str:
    folder = shlex.quote(str(Path(name).parent))
    return f"mkdir -p {folder}\ncat > {shlex.quote(name)} <<'END OF FILE'\n{text}\nEND OF FILE"
