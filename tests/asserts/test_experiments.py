"""Expectations on experiments: a run's parameters and metrics, and the table of runs."""

from __future__ import annotations

import pytest

from harness.asserts import ExpectationFailed, Expectations
from tests.asserts.told import Told
from tests.cloud import Cloud

EXPERIMENT = "comparing"


@pytest.fixture(scope="module", autouse=True)
def experiment(cloud: Cloud) -> None:
    sagemaker = cloud.sagemaker
    sagemaker.create_experiment(ExperimentName=EXPERIMENT)
    sagemaker.create_trial(TrialName="trial", ExperimentName=EXPERIMENT)
    parameters = {"eta": {"NumberValue": 0.2}, "split": {"StringValue": "70/30"}}
    sagemaker.create_trial_component(
        TrialComponentName=f"{EXPERIMENT}-first", DisplayName="first", Parameters=parameters
    )
    sagemaker.associate_trial_component(TrialComponentName=f"{EXPERIMENT}-first", TrialName="trial")
    metrics = cloud.client("sagemaker-metrics")
    data = [
        {"MetricName": "test:auc", "Timestamp": 1_700_000_000 + step, "Step": step, "Value": 0.7 + step / 100}
        for step in range(3)
    ]
    answer = metrics.batch_put_metrics(TrialComponentName=f"{EXPERIMENT}-first", MetricData=data)
    metrics.close()
    assert not answer.get("Errors")


def test_a_run_has_these_parameters_and_metrics(expects: Expectations) -> None:
    described = expects.experiment_run(
        EXPERIMENT, "first", parameters={"eta": 0.2, "split": "70/30"}, metrics={"test:auc": (0.719, 0.721)}
    )
    assert described["TrialComponentName"] == f"{EXPERIMENT}-first"
    with pytest.raises(ExpectationFailed) as told:
        expects.experiment_run(EXPERIMENT, "first", parameters={"eta": 0.3}, metrics={"test:auc": (0.8, 1)})
    for text in (
        "  parameter eta: expected 0.3, found 0.2",
        "  metric test:auc: expected 0.8 to 1, found 0.72",
        "the last answer of describe_trial_component",
    ):
        assert text in str(told.value)
    with pytest.raises(ExpectationFailed, match=r"has a run second\nit has first"):
        expects.experiment_run(EXPERIMENT, "second")


def test_all_runs_are_a_table_of_the_report(expects: Expectations, session: Told) -> None:
    (row,) = expects.experiment_table(EXPERIMENT)
    assert (row["Run"], row["eta"], row["split"]) == ("first", 0.2, "70/30")
    ((kind, title, content),) = session.shown
    assert (kind, title) == ("table", f"Runs of {EXPERIMENT}")
    assert content["columns"] == ["Run", "eta", "split", "test:auc"]
