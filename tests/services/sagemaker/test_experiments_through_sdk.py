"""The clients people have: unmodified programs on the SDKs and smexperiments, each in an interpreter of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RunningEmulator

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")


PROGRAMS = Path(__file__).parent / "programs"
TELEMETRY_OFF = "SchemaVersion: '1.0'\nSageMaker: {PythonSDK: {Modules: {TelemetryOptOut: true}}}\n"


def run_program(emulator: RunningEmulator, python: Path, program: str, *arguments: str) -> Any:
    """What the program printed in its last line; it knows of the emulator what ``AWS_ENDPOINT_URL`` says."""
    config = emulator.state / "sagemaker.yaml"
    config.write_text(TELEMETRY_OFF)
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "SAGEMAKER_"))},
        "AWS_ENDPOINT_URL": emulator.address,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "SAGEMAKER_USER_CONFIG_OVERRIDE": str(config),
    }
    ended = subprocess.run(
        [python, PROGRAMS / program, *arguments], env=environment, capture_output=True, text=True, timeout=110
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.slow
def test_runs_of_the_sdk_are_tracked_and_compared(emulator: RunningEmulator, tmp_path: Path) -> None:
    check_runs(emulator, Path(sys.executable), tmp_path)


@pytest.mark.needs("index")
@pytest.mark.slow
def test_runs_of_the_third_sdk_are_tracked_and_compared(
    emulator: RunningEmulator, sdk_v3: Path, tmp_path: Path
) -> None:
    check_runs(emulator, sdk_v3, tmp_path)


def check_runs(emulator: RunningEmulator, python: Path, folder: Path) -> None:
    emulator.client("s3").create_bucket(Bucket="artifacts")
    found = run_program(emulator, python, "track_runs.py", "artifacts", str(folder))

    second, first = found["table"]
    assert (first["TrialComponentName"], second["TrialComponentName"]) == ("credit-first", "credit-second")
    assert (first["max_depth"], second["max_depth"], first["eta"], first["objective"]) == (1, 2, 0.1, "binary:logistic")
    assert (first["later"], second["later"]) == ("yes", None)
    assert (first["auc - Count"], first["auc - Min"], first["auc - Max"]) == (12, 0.1, pytest.approx(0.21))
    assert (first["auc - Last"], first["auc - Avg"]) == (pytest.approx(0.21), pytest.approx(0.155))
    assert first["Trials"] == ["Default-Run-Group-credit"]
    assert first["Experiments"] == ["credit"]
    assert first["data - Value"] == "s3://somewhere/data.csv"
    assert first["report - Value"] == "s3://artifacts/trial-component-artifacts/credit-first/report.txt"
    assert found["runs"] == ["first", "second"]
    # The ROC curve of each run; log_file and log_artifact stay with the component.
    assert ["Produced", "credit-first"] in found["associations"]
    assert ["Produced", "credit-second"] in found["associations"]
    assert found["left"] == [[], []]


def environment(folder: Path, *wanted: str) -> Path:
    """A Python with these packages and nothing else."""
    python = folder / "bin" / "python"
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", sys.executable, "--clear", folder], check=True)
    subprocess.run([*uv, "pip", "install", "--python", python, *wanted], check=True)
    return python


@pytest.fixture(scope="module")
def smexperiments(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # Nothing else can share it: it needs an old setuptools.
    return environment(tmp_path_factory.mktemp("smexperiments"), "sagemaker-experiments==0.1.45", "setuptools<81")


@pytest.fixture(scope="module")
def sdk_v3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # The two generations of the SDK cannot be installed together.
    return environment(tmp_path_factory.mktemp("sdk-v3"), "sagemaker-core>=2.27,<3", "scikit-learn", "pandas")


@pytest.mark.needs("index")
@pytest.mark.slow
def test_trackers_of_sagemaker_experiments(emulator: RunningEmulator, smexperiments: Path, tmp_path: Path) -> None:
    emulator.client("s3").create_bucket(Bucket="artifacts")
    found = run_program(emulator, smexperiments, "track_with_smexperiments.py", "artifacts", str(tmp_path))
    assert found == {
        "experiments": ["Credit"],
        "loaded": "by hand",
        "trials": ["trial-1"],
        "components": ["tracker-1", "tracker-2"],
        "deeper": ["tracker-2"],
        "parameters": {"depth": 2.0, "kind": "tree"},
        "outputs": ["report"],
        "left": [],
    }
