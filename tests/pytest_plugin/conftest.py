"""A user's own project outside this repository: its pytest finds the plugin by the entry point, as after an install."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

import pytest

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Ran:
    code: int
    text: str

    def counts(self) -> dict[str, int]:
        """``{"passed": 2, "failed": 1}`` of the last line."""
        last = [line for line in self.text.splitlines() if re.search(r" in [\d.]+s", line)][-1]
        return {
            word.rstrip("s") if word == "errors" else word: int(n) for n, word in re.findall(r"(\d+) ([a-z]+)", last)
        }


@dataclass(frozen=True)
class Project:
    root: Path
    site: Path

    def write(self, name: str, text: str) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(dedent(text).lstrip())
        return file

    def pytest(self, *arguments: str, python: str = sys.executable, **environment: str) -> Ran:
        # Everything the machine's own settings could add is left out.
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_"))}
        paths = os.pathsep.join([str(self.site), str(REPOSITORY), *filter(None, [environment.pop("PYTHONPATH", "")])])
        ran = subprocess.run(
            [python, "-m", "pytest", "-p", "no:cacheprovider", *arguments],
            cwd=self.root,
            env={**inherited, "PYTHONPATH": paths, "COLUMNS": "200", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=110,
        )
        return Ran(ran.returncode, ran.stdout)

    def passes(self, *arguments: str, **environment: str) -> Ran:
        ran = self.pytest(*arguments, **environment)
        assert ran.code == 0, ran.text
        return ran


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the distribution's metadata, the entry points those of ``pyproject.toml``."""
    site = tmp_path_factory.mktemp("site")
    stated = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["entry-points"]["pytest11"]
    facts = site / "sagemaker_harness-0.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text("Metadata-Version: 2.1\nName: sagemaker-harness\nVersion: 0\n")
    (facts / "entry_points.txt").write_text(
        "[pytest11]\n" + "".join(f"{name} = {module}\n" for name, module in stated.items())
    )
    return site


@pytest.fixture
def project(tmp_path: Path, installed: Path) -> Project:
    root = tmp_path / "project"
    root.mkdir()
    (root / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\nfilterwarnings = error\n")
    return Project(root, installed)


@pytest.fixture
def scenario(project: Project) -> Callable[..., Path]:
    """Writes a scenario; ``body`` is that of ``run(session)``."""

    def write(name: str, body: str, **constants: str) -> Path:
        stated = {"TITLE": name, "SDK": "v2", "PARITY": "same-as-aws", **constants}
        lines = [f"{key} = {value!r}" for key, value in stated.items() if value]
        code = "".join(f"    {line}\n" for line in dedent(body).strip().splitlines())
        return project.write(f"scenarios/{name}.py", "\n".join(lines) + "\n\n\ndef run(session):\n" + code)

    return write
