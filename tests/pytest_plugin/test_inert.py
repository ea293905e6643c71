"""Suites that do not use harness notice nothing of it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any


def test_a_suite_without_fixtures_loads_and_writes_nothing(project: Any) -> None:
    project.write(
        "test_own.py",
        """
        import sys

        import pytest


        @pytest.mark.needs("a part of our own")
        @pytest.mark.parity("odd")
        def test_nothing_is_imported():
            ours = ("harness", "boto3", "botocore", "sagemaker")
            loaded = {name for name in sys.modules if name.split(".")[0] in ours}
            assert {name for name in loaded if not name.startswith("harness.pytest_plugin")} == {"harness"}
            assert "harness.pytest_plugin.runs" not in loaded
        """,
    )
    project.write("scenarios/not_ours.py", "raise SystemExit('nobody imports this')\n")
    project.write("scenarios/test_ours.py", "def test_collected_as_ever():\n    assert True\n")
    assert project.passes("-q").counts() == {"passed": 2}
    assert not (project.root / ".harness").exists()


def test_it_is_imported_in_a_moment() -> None:
    code = "import pytest, time; t = time.perf_counter(); import harness.pytest_plugin; print(time.perf_counter() - t)"
    seconds = min(float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(3))
    assert seconds < 0.05


def test_another_plugin_may_own_the_option(project: Any, tmp_path: Path) -> None:
    """pytest-profiling has a --profile without a value."""
    plugin = tmp_path / "other" / "pytest_profiling.py"
    plugin.parent.mkdir()
    plugin.write_text("def pytest_addoption(parser):\n    parser.addoption('--profile', action='store_true')\n")
    project.write("test_own.py", "def test_own(pytestconfig):\n    assert pytestconfig.getoption('profile') is True\n")
    options = ("-q", "-p", "pytest_profiling", "--profile", "--harness-profile", "docker")
    assert project.passes(*options, PYTHONPATH=str(plugin.parent)).counts() == {"passed": 1}


def test_help_names_options_and_markers(project: Any) -> None:
    told = project.passes("--help").text
    assert "--profile=NAME" in told
    assert "--harness-state=DIR" in told
    assert "harness_scope" in told
    markers = project.passes("--markers").text
    assert "needs(part, ...)" in markers
    assert "parity(claim)" in markers
