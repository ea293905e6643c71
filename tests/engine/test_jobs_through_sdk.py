"""Processors and estimators of the unmodified SDK v2, in an interpreter of their own; the reference story's script."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clients.environment import Target, wiring
from tests.cloud import ROLE, Cloud

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")


ROOT = Path(__file__).parents[2]
FIXTURE = ROOT / "fixtures" / "credit_default"


@pytest.mark.slow
def test_processors_and_estimators(cloud: Cloud, tmp_path: Path) -> None:
    make = [sys.executable, str(FIXTURE / "make.py"), "--rows", "600", "--out", str(tmp_path / "data")]
    subprocess.run(make, check=True, capture_output=True)
    table = next((tmp_path / "data").glob("*.csv"))
    script = shutil.copy(FIXTURE / "preprocess.py", tmp_path)
    (tmp_path / "hello.py").write_text("print('hello from a script')")
    target = Target(cloud.address, "us-east-1", "123456789012")
    environment = wiring(target, tmp_path / "wiring", os.environ).applied_to(os.environ)
    program = Path(__file__).with_name("programs") / "jobs_with_sdk.py"
    ended = subprocess.run(
        [sys.executable, str(program), str(script), str(table), ROLE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    found = json.loads(ended.stdout.splitlines()[-1])
    assert found["rows"] == {"train": 360, "validation": 90, "test": 150, "baseline": 361}
    assert found["model"].endswith("/output/model.tar.gz")
    metrics = {row["metric_name"]: row["value"] for row in found["metrics"]}
    assert set(metrics) == {"train:auc", "validation:auc"}
    assert 0.5 < metrics["validation:auc"] <= 1
    assert found["attached"]["objective"] == "binary:logistic"
    assert "Failed. Reason: AlgorithmError: framework error: " in found["error"]
    assert "Hyperparameter num_round" in found["error"]
    assert found["plain"] == "Completed"
    for line in ("hello from a script", "hello there", "Default rate", "[0]#011train-auc"):
        assert line in ended.stdout, line
