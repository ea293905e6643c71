"""The CI templates as scripts: what ``.ci/templates`` executes is all that they say, in their order."""

from __future__ import annotations

import re
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.cli import COMMANDS
from tests.docs.pages import ROOT
from tests.docs.templates import as_script, missing

FOLDER = ROOT / "harness" / "docs" / "ci"


def template(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


def ran(script: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", sorted(file.name for file in FOLDER.iterdir()))
def test_a_template_says_what_harness_has(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    used = set(re.findall(r"bin/harness (\w+)", text))
    assert {"doctor", "images", "validate", "run"} <= used <= set(COMMANDS)
    assert "pytest tests --junitxml" in text


@pytest.mark.parametrize("name", ["github-actions.yml", "gitlab-ci.yml"])
def test_doctor_comes_first_of_harness(name: str) -> None:
    script = as_script(template(name))
    assert re.findall(r"bin/harness (\w+)", script)[0] == "doctor"


def test_steps_run_in_order_with_the_variables(tmp_path: Path) -> None:
    steps = [{"uses": "x"}, {"name": "It's one", "run": 'echo "$A $B"\necho 2'}, {"name": "two", "run": "echo 3"}]
    script = as_script({"env": {"A": "from here", "B": "$A!"}, "jobs": {"test": {"steps": steps}}})
    assert ran(script, tmp_path) == "\n--- It's one\nfrom here from here!\n2\n\n--- two\n3\n"
    assert "outside outside!" in ran(script, tmp_path, A="outside")


def test_a_failing_line_ends_a_script(tmp_path: Path) -> None:
    script = as_script({"job": {"before_script": ["echo 1"], "script": ["false", "echo 2"]}})
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout == "\n--- echo 1\n1\n\n--- false\n"


def test_a_command_that_only_the_ci_can_fill_in_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be tried"):
        as_script({"job": {"script": ["echo ${{ github.sha }}"]}})


def test_a_wheel_that_lacks_a_file_is_told(tmp_path: Path) -> None:
    wheel = tmp_path / "some.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("harness/__init__.py", "")
    lacking = missing(wheel)
    assert "harness/images/catalog.toml" in lacking
    assert "harness/__init__.py" not in lacking
