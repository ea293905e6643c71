"""The same scenarios wherever they may run: on host processes and in containers, on moto and on LocalStack, and through
the SDK's own local mode. Every place must find what the first one found, fact by fact."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.report.comparison import compare_reports, format_comparisons

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

ROOT = Path(__file__).parents[2]
DOCKER, LOCALSTACK = pytest.mark.needs("docker"), pytest.mark.needs("localstack")
SCENARIOS = ("credit_default", "smoke")
PLACES = [
    pytest.param(["--aws-backend", "localstack"], id="process-localstack", marks=[LOCALSTACK]),
    pytest.param(["--runner", "docker"], id="docker-moto", marks=[DOCKER]),
    pytest.param(
        ["--runner", "docker", "--aws-backend", "localstack"], id="docker-localstack", marks=[DOCKER, LOCALSTACK]
    ),
    pytest.param(["--profile", "localmode"], id="localmode-moto", marks=[DOCKER]),
    pytest.param(
        ["--profile", "localmode", "--aws-backend", "localstack"], id="localmode-localstack", marks=[DOCKER, LOCALSTACK]
    ),
]
# What local mode cannot say: its reports name it, and nothing of it is a finding of the scenario.
KNOWN: dict[str, dict[str, str]] = {"localmode": {}}


def played(folder: Path, options: list[str], scenario: str) -> dict[str, Any]:
    """The report of one run, which must have passed."""
    report = folder / scenario
    command = [sys.executable, "-m", "harness.cli", "run", scenario, "--report-dir", str(report), *options]
    settings = {**os.environ, "HARNESS_STATE": str(folder / ".harness"), "HARNESS_PORT": "0"}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    found: dict[str, Any] = json.loads((report / "report.json").read_text())
    return found


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """On host processes and moto."""
    folder = tmp_path_factory.mktemp("first")
    return {scenario: played(folder, [], scenario) for scenario in SCENARIOS}


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("options", PLACES)
def test_every_place_finds_the_same(
    options: list[str], scenario: str, first: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    known = next((listed for name, listed in KNOWN.items() if name in options), {})
    comparisons = compare_reports(first[scenario], played(tmp_path, options, scenario), known=known)
    told = "\n".join(format_comparisons(comparisons, "first", " ".join(options)))
    assert all(comparison.equal for comparison in comparisons), told
    assert comparisons[0].same > 20, told
