"""Each check appears when its constraint is edited by hand (or its data changed) and disappears again."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from .conftest import Ending, Job

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Schema for violations of Model Monitor")


CSV = {"csv": {"header": True}}
CLEAN = {
    "id": [str(i) for i in range(1000)],
    "rate": [str(i / 8) for i in range(1000)],
    "city": ["Rome", "Oslo", "Rome", "Bonn"] * 250,
}


def table(columns: dict[str, list[str]]) -> str:
    rows = zip(*columns.values(), strict=True)
    return "\n".join([",".join(columns), *map(",".join, rows)]) + "\n"


class Monitor:
    """A baseline of clean data, and monitoring runs on it."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.settings = job.baseline(table(CLEAN), CSV)

    def constraints(self, change: Any) -> None:
        self.job.edit(self.settings["baseline_constraints"], change)

    def config(self, **members: Any) -> None:
        self.constraints(lambda value: value["monitoring_config"].update(members))

    def distribution(self, **members: Any) -> None:
        self.constraints(lambda value: value["monitoring_config"]["distribution_constraints"].update(members))

    def feature(self, name: str, **members: Any) -> None:
        def change(value: Any) -> None:
            next(entry for entry in value["features"] if entry["name"] == name).update(members)

        self.constraints(change)

    def run(self, **columns: list[str]) -> Ending:
        self.job.data(table({**CLEAN, **columns}))
        ending = self.job.run(CSV, **self.settings)
        assert ending.code == 0, ending.message
        count = len(ending.violations)
        assert ending.message == (
            f"CompletedWithViolations: Job completed successfully with {count} violations."
            if count
            else "Completed: Job completed successfully with no violations."
        )
        return ending


@pytest.fixture
def monitor(job: Job) -> Monitor:
    return Monitor(job)


def test_clean_data_has_no_violation(monitor: Monitor) -> None:
    ending = monitor.run()
    assert ending.violations == set()
    output = monitor.job.root / "processing" / "output"
    files = ["constraint_violations.json", "constraints.json", "statistics.json"]
    assert sorted(path.name for path in output.iterdir()) == files
    assert (output / "constraint_violations.json").read_text() == '{\n  "violations" : [ ]\n}'


@pytest.mark.provenance("recorded", source="violations in chapter 11 of Learn Amazon SageMaker (Packt)")
def test_data_type(monitor: Monitor) -> None:
    changed = [*CLEAN["id"][:-1], "999.5"]
    ending = monitor.run(id=changed)
    assert ending.violations == {("id", "data_type_check")}
    assert ending.description("data_type_check") == (
        "Data type match requirement is not met. Expected data type: Integral, Expected match: 100.0%. "
        "Observed: Only 99.9% of data is Integral."
    )
    monitor.config(datatype_check_threshold=0.99)
    assert monitor.run(id=changed).violations == set()


def test_data_type_edited(monitor: Monitor) -> None:
    monitor.feature("rate", inferred_type="Integral")
    assert monitor.run().violations == {("rate", "data_type_check")}
    monitor.feature("rate", inferred_type="Fractional")
    monitor.feature("id", inferred_type="Fractional")
    # An integer is a valid fractional number.
    assert monitor.run().violations == set()
    monitor.feature("id", inferred_type="String")
    ending = monitor.run()
    assert ending.violations == {("id", "data_type_check")}
    assert "Only 0.0% of data is String" in ending.description("data_type_check")


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_completeness(monitor: Monitor) -> None:
    gaps = ["", *CLEAN["id"][1:]]
    ending = monitor.run(id=gaps)
    assert ending.violations == {("id", "completeness_check")}
    assert "Expected completeness: 100.0%. Observed: Only 99.9%" in ending.description("completeness_check")
    monitor.feature("id", completeness=0.999)
    assert monitor.run(id=gaps).violations == set()
    monitor.feature("id", completeness=0.9995)
    assert monitor.run(id=gaps).violations == {("id", "completeness_check")}


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_a_negative_value_alone_is_no_violation(monitor: Monitor) -> None:
    """The service suggests is_non_negative and has no check of it."""
    assert monitor.run(id=["-1", *CLEAN["id"][1:]]).violations == set()
    monitor.feature("rate", num_constraints={"is_non_negative": False})
    assert monitor.run().violations == set()


@pytest.mark.provenance("documented", source="source code: awslabs/deequ")
def test_numeric_drift_simple_and_robust(monitor: Monitor) -> None:
    # Everything 150 higher: the CDFs are 0.15 apart. Robust takes 1.8 * sqrt(2000 / 1e6) = 0.0805 off.
    shifted = [str(i + 150) for i in range(1000)]
    assert monitor.run(id=shifted).violations == set()
    monitor.distribution(comparison_method="Simple")
    ending = monitor.run(id=shifted)
    assert ending.violations == {("id", "baseline_drift_check")}
    description = ending.description("baseline_drift_check")
    assert re.fullmatch(r"Baseline drift distance: 0\.150*\d? exceeds threshold: 0\.1", description)
    monitor.distribution(comparison_threshold=0.16)
    assert monitor.run(id=shifted).violations == set()
    monitor.distribution(comparison_method="Robust", comparison_threshold=0.06)
    assert monitor.run(id=shifted).violations == {("id", "baseline_drift_check")}
    monitor.distribution(perform_comparison="Disabled")
    assert monitor.run(id=shifted).violations == set()


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_drift_is_against_the_stored_sketch(monitor: Monitor) -> None:
    def move(value: Any) -> None:
        sketch = value["features"][0]["numerical_statistics"]["distribution"]["kll"]["sketch"]
        sketch["data"] = [[item + 5000.0 for item in sketch["data"][0]]]

    monitor.job.edit(monitor.settings["baseline_statistics"], move)
    assert monitor.run().violations == {("id", "baseline_drift_check")}
    monitor.settings.pop("baseline_statistics")
    assert monitor.run().violations == set()


@pytest.mark.provenance("documented", source="source code: awslabs/deequ")
def test_categorical_drift(monitor: Monitor) -> None:
    # Rome 50 % -> 70 %, Oslo 25 % -> 5 %.
    cities = ["Rome"] * 700 + ["Oslo"] * 50 + ["Bonn"] * 250
    ending = monitor.run(city=cities)
    assert ending.violations == {("city", "baseline_drift_check")}
    monitor.distribution(categorical_comparison_threshold=0.15)
    assert monitor.run(city=cities).violations == set()
    monitor.distribution(comparison_method="Simple")
    assert monitor.run(city=cities).violations == {("city", "baseline_drift_check")}
    monitor.distribution(categorical_comparison_threshold=0.25)
    assert monitor.run(city=cities).violations == set()


@pytest.mark.provenance("assumed", source="no named source: which way the p-value is compared")
def test_chi_squared_fires_when_the_p_value_is_small(monitor: Monitor) -> None:
    monitor.distribution(categorical_drift_method="ChiSquared", comparison_method="Simple")
    assert monitor.run().violations == set()
    slightly = ["Rome"] * 470 + ["Oslo"] * 280 + ["Bonn"] * 250
    ending = monitor.run(city=slightly)
    # 30^2/500 + 30^2/250 = 5.4 with two degrees of freedom: p = exp(-2.7) = 0.0672.
    assert ending.violations == {("city", "baseline_drift_check")}
    assert ending.description("baseline_drift_check").startswith("Baseline drift p-value: 0.0672")
    monitor.distribution(categorical_comparison_threshold=0.05)
    assert monitor.run(city=slightly).violations == set()


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_categorical_values(monitor: Monitor) -> None:
    cities = ["Graz", *CLEAN["city"][1:]]
    ending = monitor.run(city=cities)
    assert ending.violations == {("city", "categorical_values_check")}
    assert ending.description("categorical_values_check").startswith(
        "Value: 0.999 does not meet the constraint requirement!"
    )
    monitor.config(domain_content_threshold=0.9)
    assert monitor.run(city=cities).violations == set()
    monitor.config(domain_content_threshold=1.0)
    monitor.feature("city", string_constraints={"domains": ["Rome", "Oslo", "Bonn", "Graz"]})
    assert monitor.run(city=cities).violations == set()
    monitor.feature("city", string_constraints={"domains": ["Rome", "Oslo"]})
    assert monitor.run().violations == {("city", "categorical_values_check")}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_text_column_that_turned_into_numbers(monitor: Monitor) -> None:
    monitor.distribution(perform_comparison="Disabled")
    ending = monitor.run(city=["1", "2"] * 500)
    assert ending.violations == {("city", "data_type_check"), ("city", "categorical_values_check")}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_domain_of_digits_is_compared_as_text(job: Job) -> None:
    """In a file of several blocks, where the reader would otherwise parse the column as integers."""
    job.data("zip\n" + "007\n" * 400_000)
    feature = {"name": "zip", "inferred_type": "Integral", "string_constraints": {"domains": ["007"]}}
    path = job.write("processing/baseline/constraints.json", json.dumps({"features": [feature]}))
    assert job.run(CSV, baseline_constraints=path).violations == set()
    feature["string_constraints"] = {"domains": ["7"]}
    job.write("processing/baseline/constraints.json", json.dumps({"features": [feature]}))
    assert job.run(CSV, baseline_constraints=path).violations == {("zip", "categorical_values_check")}


@pytest.mark.parametrize("spelling", ["monitoring_config_overrides", "monitoringConfigOverrides"])
def test_overrides_of_one_feature(monitor: Monitor, spelling: str) -> None:
    worse = {"id": ["x", *CLEAN["id"][1:]], "rate": ["x", *CLEAN["rate"][1:]], "city": ["Graz", *CLEAN["city"][1:]]}
    every = {("id", "data_type_check"), ("rate", "data_type_check"), ("city", "categorical_values_check")}
    assert monitor.run(**worse).violations == every
    monitor.feature("id", **{spelling: {"evaluate_constraints": "Disabled"}})
    assert monitor.run(**worse).violations == every - {("id", "data_type_check")}
    monitor.feature("id", **{spelling: {"datatype_check_threshold": 0.99}})
    assert monitor.run(**worse).violations == every - {("id", "data_type_check")}
    domains = {"domains": ["Rome", "Oslo", "Bonn"]}
    disabled = {**domains, spelling: {"evaluate_constraints": "Disabled"}}
    monitor.feature("city", string_constraints=disabled)
    assert monitor.run(**worse).violations == {("rate", "data_type_check")}
    monitor.feature("city", string_constraints=domains)
    monitor.config(evaluate_constraints="Disabled")
    assert monitor.run(**worse).violations == set()


def test_override_of_drift(monitor: Monitor) -> None:
    shifted = [str(i + 500) for i in range(1000)]
    assert monitor.run(id=shifted).violations == {("id", "baseline_drift_check")}
    override = {"distribution_constraints": {"comparison_threshold": 0.9}}
    monitor.feature("id", monitoring_config_overrides=override)
    assert monitor.run(id=shifted).violations == set()


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_missing_and_extra_columns_stand_alone(monitor: Monitor) -> None:
    worse = {**CLEAN, "id": ["x"] * 1000}
    monitor.job.data(table({name: worse[name] for name in ("id", "city")}))
    ending = monitor.job.run(CSV, **monitor.settings)
    assert ending.violations == {("Missing columns", "missing_column_check")}
    assert ending.description("missing_column_check") == (
        "There are missing columns in current dataset. Number of columns in current dataset: 2, "
        "Number of columns in baseline constraints: 3"
    )
    ending = monitor.run(id=["x"] * 1000, more=["1"] * 1000)
    assert ending.violations == {("Extra columns", "extra_column_check")}
    monitor.constraints(lambda value: value["features"].append({"name": "more", "inferred_type": "Integral"}))
    assert monitor.run(id=CLEAN["id"], more=["1"] * 1000).violations == set()


@pytest.mark.provenance("documented", source="Developer guide: CloudWatch metrics for Model Monitor")
def test_metrics(monitor: Monitor) -> None:
    names = {
        "metric_time": "2024-05-01T10:00:00Z",
        "sagemaker_endpoint_name": "my-endpoint",
        "sagemaker_monitoring_schedule_name": "hourly",
    }
    monitor.settings.update(names)
    metrics = monitor.run(id=["", *CLEAN["id"][1:]]).metrics
    assert [metric["MetricName"] for metric in metrics] == [
        "feature_data_id",
        "feature_non_null_id",
        "feature_baseline_drift_id",
        "feature_data_rate",
        "feature_non_null_rate",
        "feature_baseline_drift_rate",
        "feature_non_null_city",
        "feature_baseline_drift_city",
    ]
    shared = {
        "Timestamp": "2024-05-01T10:00:00Z",
        "Dimensions": [
            {"Name": "Endpoint", "Value": "my-endpoint"},
            {"Name": "MonitoringSchedule", "Value": "hourly"},
        ],
    }
    statistics = {"SampleCount": 999.0, "Sum": 499500.0, "Minimum": 1.0, "Maximum": 999.0}
    assert metrics[0] == {"MetricName": "feature_data_id", **shared, "StatisticValues": statistics}
    assert metrics[1] == {"MetricName": "feature_non_null_id", **shared, "Value": 0.999}


@pytest.mark.provenance("documented", source="Developer guide: Schema for constraints of Model Monitor")
def test_metrics_are_suppressed(monitor: Monitor) -> None:
    file = monitor.job.root / "output/metrics/cloudwatch/cloudwatch_metrics.jsonl"
    monitor.settings["publish_cloudwatch_metrics"] = "Disabled"
    monitor.run()
    assert not file.exists()
    monitor.settings["publish_cloudwatch_metrics"] = "Enabled"
    monitor.config(emit_metrics="Disabled")
    monitor.run()
    assert not file.exists()
    monitor.feature("rate", monitoring_config_overrides={"emit_metrics": "Enabled"})
    assert {metric["MetricName"].rsplit("_", 1)[1] for metric in monitor.run().metrics} == {"rate"}
