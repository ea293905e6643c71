"""``fit()`` and ``deploy()`` on the process runner, on the Docker runner and in the SDK's own local mode, in one run.

Needs Docker Engine and our images in it (``harness images build``).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.table import Figure

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "programs" / "fit_and_deploy.py"
XGBOOST = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
TIMES = 4


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _harness(folder, "images", "tag", XGBOOST)
        data = _data(folder)
        process = _measured(folder, data, "ml.m5.xlarge", "process")
        docker = _measured(folder, data, "ml.m5.xlarge", "docker")
        local = _measured(folder, data, "local", "process")
    return [
        _figure("fit() in the SDK's local mode, of the process runner", local, process, "fit", 3.0),
        _figure("deploy() to the first answer, likewise", local, process, "deploy", 5.0),
        _figure("fit() in the SDK's local mode, of the Docker runner", local, docker, "fit", 1.0),
        _figure("deploy() to the first answer, likewise", local, docker, "deploy", 1.0),
    ]


def _figure(name: str, local: dict[str, float], other: dict[str, float], what: str, limit: float) -> Figure:
    note = f"{local[what]:.2f} s against {other[what]:.2f} s"
    return Figure(name, local[what] / other[what], "x", limit, at_least=True, note=note)


def _measured(folder: Path, data: Path, instance_type: str, runner: str) -> dict[str, float]:
    """Medians but for the first time."""
    command = ["exec", "--runner", runner, "--online", "--ephemeral", "--"]
    program = [sys.executable, str(PROGRAM), instance_type, str(data), str(TIMES)]
    if instance_type == "local":
        # As the SDK itself is: its own waiting, and no settings file to look things up in.
        plain = {"PYTHONPATH": str(ROOT), "SAGEMAKER_USER_CONFIG_OVERRIDE": str(_no_settings(folder))}
        program = ["env", *(f"{name}={value}" for name, value in plain.items()), *program]
    lines = _harness(folder / f"{instance_type}-{runner}", *command, *program).splitlines()
    told = [json.loads(line) for line in lines if line.startswith("{") and '"told": "figures"' in line]
    return {what: statistics.median(figures[what] for figures in told[1:]) for what in ("fit", "deploy")}


def _no_settings(folder: Path) -> Path:
    file = folder / "no-settings.yaml"
    file.write_text("{}\n")
    return file


def _data(folder: Path) -> Path:
    """The reference scenario's own training and validation tables, by its own scripts."""
    fixture = ROOT / "fixtures" / "credit_default"
    subprocess.run([sys.executable, str(fixture / "make.py"), "--out", str(folder / "input")], check=True)
    script = (fixture / "preprocess.py").read_text().replace("/opt/ml/processing", str(folder))
    subprocess.run([sys.executable, "-c", script], check=True, stdout=subprocess.DEVNULL)
    return folder / "output"


def _harness(state: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "harness.cli", *arguments]
    settings = {**os.environ, "HARNESS_STATE": str(state / ".harness"), "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout[-4000:] + done.stderr[-4000:])
    return done.stdout
