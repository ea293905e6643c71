"""The environment of a run: defaults, the job's own config file, and values that are refused."""

from __future__ import annotations

import json

import pytest

from .conftest import Job

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


CSV = {"csv": {"header": True}}


@pytest.mark.provenance("documented", source="Developer guide: Container contract inputs of Model Monitor")
def test_job_config_fills_in_what_the_environment_lacks(job: Job) -> None:
    job.data("a\n1\n", "elsewhere.csv")
    environment = {"dataset_source": "/opt/ml/processing/input/elsewhere.csv", "output_path": "/nowhere"}
    job.write("config/processingjobconfig.json", json.dumps({"Environment": environment, "RoleArn": None}))
    ending = job.run(CSV, dataset_source="/opt/ml/processing/input")
    assert ending.code == 0
    environment["dataset_format"] = "nonsense"
    job.write("config/processingjobconfig.json", json.dumps({"Environment": environment}))
    assert job.run(CSV).code == 0


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ({"analysis_type": "MODEL_QUALITY"}, "analysis_type 'MODEL_QUALITY' is not supported"),
        ({"dataset_format": ""}, "dataset_format is not set"),
        ({"dataset_format": "csv"}, "dataset_format 'csv' is not valid JSON"),
        ({"dataset_format": '{"xml": {}}'}, "must be a JSON object with exactly one of the keys csv, json, parquet"),
        ({"dataset_format": '{"csv": {"header": "yes"}}'}, 'csv.header is "yes", but must be true or false'),
        ({"dataset_format": '{"csv": {"output_columns_position": "MID"}}'}, '"MID", but must be START or END'),
        ({"dataset_format": '{"csv": {"separator": ";"}}'}, "unknown option 'separator'"),
        ({"dataset_format": '{"sagemakerMergeJson": {}}'}, "belongs to model-quality jobs"),
        ({"dataset_format": '{"sagemakerCaptureJson": {"captureIndexNames": ["in"]}}'}, "must be a list of"),
        ({"publish_cloudwatch_metrics": "yes"}, "'yes', but must be Enabled or Disabled"),
        ({"categorical_drift_method": "KS"}, "'KS', but must be LInfinity or ChiSquared"),
        ({"exponent_notation": "Number"}, "'Number', but must be String or Fractional"),
        ({"start_time": "now", "end_time": "2024-05-01T10:00:00Z"}, "start_time is 'now', which is not a time"),
        ({"start_time": "2024-05-01T10:00:00Z"}, "only start_time is set"),
        (
            {"start_time": "2024-05-01T10:00:00Z", "end_time": "2024-05-01T10:00:00Z"},
            "is not before end_time",
        ),
        ({"baseline_constraints": "/opt/ml/processing/none.json"}, "does not exist. Check the monitoring job's"),
    ],
)
def test_refused_settings(job: Job, settings: dict[str, str], text: str) -> None:
    job.data("a\n1\n")
    ending = job.run(CSV, **settings)
    assert ending.code == 1
    assert ending.message.startswith("Error: ")
    assert text in ending.message
    assert not (job.root / "processing" / "output").exists()


def test_several_instances_are_refused(job: Job) -> None:
    job.data("a\n1\n")
    hosts = ["algo-1", "algo-2"]
    job.write("config/resourceconfig.json", json.dumps({"current_host": "algo-1", "hosts": hosts}))
    assert "the job has 2 (algo-1, algo-2). Set InstanceCount" in job.run(CSV).message
    job.write("config/resourceconfig.json", json.dumps({"current_host": "algo-1", "hosts": hosts[:1]}))
    assert job.run(CSV).code == 0


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "is not valid JSON"),
        ("[]", "the file must be an object, but is []"),
        ("{}", "features must be a list, but is null"),
        ('{"features": [{"name": "a", "inferred_type": "Int"}]}', "features[0].inferred_type must be Integral or"),
        (
            '{"features": [], "monitoring_config": {"emit_metrics": "yes"}}',
            "monitoring_config.emit_metrics must be Enabled or Disabled",
        ),
        ('{"features": [], "monitoring_config": {"typo": 1}}', "monitoring_config must be an object of"),
        (
            '{"features": [], "monitoring_config": {"distribution_constraints": {"comparison_threshold": "0.1"}}}',
            "comparison_threshold must be a number",
        ),
    ],
)
def test_constraints_that_were_edited_wrongly(job: Job, content: str, text: str) -> None:
    job.data("a\n1\n")
    path = job.write("processing/baseline/constraints.json", content)
    ending = job.run(CSV, baseline_constraints=path)
    assert ending.code == 1
    assert text in ending.message
    assert "baseline_constraints '" in ending.message


def test_statistics_that_were_edited_wrongly(job: Job) -> None:
    settings = job.baseline("a\n1\n", CSV)
    job.data("a\n1\n")

    def spoil(value: dict) -> None:  # type: ignore[type-arg]
        value["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"] = [["x"]]

    job.edit(settings["baseline_statistics"], spoil)
    assert "sketch of feature 'a' must be a number, but is \"x\"" in job.run(CSV, **settings).message


def test_monitoring_without_a_baseline_reports_no_violation(job: Job) -> None:
    job.data("a\n1\n")
    ending = job.run(CSV, start_time="2024-05-01T10:00:00Z", end_time="2024-05-01T11:00:00Z")
    assert ending.violations == set()
    assert ending.message == "Completed: Job completed successfully with no violations."
