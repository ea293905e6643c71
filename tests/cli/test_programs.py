"""Unmodified SDK programs and the project's own scenarios, through the command line."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Project

ROOT = Path(__file__).parents[2]

PROGRAM = """
import json, time
import sagemaker
from sagemaker import get_execution_role, image_uris
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
session = sagemaker.Session()
open("t.csv", "w").write("".join(f"{n % 2},{n % 2 + 0.1},{n % 7}\\n" for n in range(200)))
data = session.upload_data("t.csv", key_prefix="data")
estimator = Estimator(
    image_uris.retrieve("xgboost", session.boto_region_name, "3.0-5"), role=get_execution_role(), instance_count=1,
    instance_type="ml.m5.large", hyperparameters={"num_round": 3, "objective": "binary:logistic"},
)
estimator.fit({"train": TrainingInput(data, content_type="text/csv")})
returned = time.time()
job = session.describe_training_job(estimator.latest_training_job.name)
begin = time.time()
predictor = estimator.deploy(1, "ml.m5.large", serializer=sagemaker.serializers.CSVSerializer())
deployed = time.time() - begin
answer = float(predictor.predict("1.1,3"))
predictor.delete_endpoint()
waited = returned - job["TrainingEndTime"].timestamp()
print(json.dumps({"status": job["TrainingJobStatus"], "waited": waited, "deployed": deployed, "answer": answer}))
"""


@pytest.mark.slow
def test_a_v2_program_waits_no_longer_than_the_work_takes(project: Project) -> None:
    done = project.run("exec", "--", sys.executable, "-c", PROGRAM)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout[done.stdout.rindex("{") :])
    assert told["status"] == "Completed"
    assert told["waited"] < 1.0
    assert told["deployed"] < 15
    assert told["answer"] > 0.5
    # Logs are live and whole: each line of the job once.
    assert done.stdout.count("[2]#011train-logloss") == 1
    assert "Training seconds: " in done.stdout


def play(name: str, project: Project) -> Any:
    argv = project.argv("run", name, "--json", "--state", str(project.state), "--report-dir", str(project.folder))
    done = subprocess.run(argv, cwd=ROOT, env=project.environment, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)["scenarios"][0]
    assert done.returncode == 0, report["traceback"]
    assert all(step["state"] == "passed" for step in report["steps"])
    return report


@pytest.mark.slow
def test_the_reference_story_passes(project: Project) -> None:
    report = play("credit_default", project)
    kinds = [resource["kind"] for resource in report["resources"]]
    assert sorted(set(kinds)) == ["Endpoint", "MonitoringSchedule", "ProcessingJob", "TrainingJob", "TransformJob"]
    shown = {(evidence["kind"], evidence["title"]) for evidence in report["evidence"]}
    assert {
        ("monitoring", "Clean traffic"),
        ("monitoring", "Drifted traffic"),
        ("capture", "Captured requests"),
    } <= shown
    assert (project.folder / "report.html").stat().st_size < 1_000_000


@pytest.mark.slow
@pytest.mark.needs("index")
def test_the_smoke_scenario_passes_with_the_other_sdk(project: Project) -> None:
    project.environment["HARNESS_CACHE"] = str(project.folder / "cache")
    assert len(play("smoke", project)["steps"]) == 5
