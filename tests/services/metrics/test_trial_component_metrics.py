from __future__ import annotations

import math
import statistics
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.emulator import Emulator

pytestmark = pytest.mark.provenance("documented", source="API reference: BatchPutMetrics")


def put(metrics: Any, *points: tuple[str, int, float, int]) -> dict[str, Any]:
    data = [
        {"MetricName": name, "Timestamp": moment, "Value": value, "Step": step} for name, moment, value, step in points
    ]
    answer: dict[str, Any] = metrics.batch_put_metrics(TrialComponentName="part", MetricData=data)
    return answer


@pytest.fixture
def part(sagemaker: Any) -> str:
    return str(sagemaker.create_trial_component(TrialComponentName="Part")["TrialComponentArn"])


def test_batches_add_up_to_the_statistics_of_all_points(sagemaker: Any, metrics: Any, part: str) -> None:
    values = [0.9, 0.1, 0.4, 0.7, 0.35]
    for number, value in enumerate(values):
        assert "Errors" not in put(metrics, ("loss", 100 + number, value, number))
    put(metrics, ("auc", 100, 0.5, 0))
    loss, auc = sagemaker.describe_trial_component(TrialComponentName="part")["Metrics"]
    assert (loss["MetricName"], loss["Min"], loss["Max"], loss["Last"], loss["Count"]) == ("loss", 0.1, 0.9, 0.35, 5)
    assert math.isclose(loss["Avg"], statistics.fmean(values))
    assert math.isclose(loss["StdDev"], statistics.pstdev(values))
    assert loss["TimeStamp"].timestamp() == 104
    assert loss["SourceArn"] == part
    assert (auc["MetricName"], auc["Count"], auc["StdDev"]) == ("auc", 1, 0.0)


def test_the_last_value_is_the_latest_in_time_whatever_comes_last(sagemaker: Any, metrics: Any, part: str) -> None:
    put(metrics, ("loss", 200, 0.2, 2))
    put(metrics, ("loss", 100, 0.1, 1))
    (loss,) = sagemaker.describe_trial_component(TrialComponentName="part")["Metrics"]
    assert (loss["Last"], loss["Count"]) == (0.2, 2)


def test_a_component_that_is_not_there_is_refused(metrics: Any) -> None:
    with pytest.raises(ClientError) as caught:
        put(metrics, ("loss", 1, 1.0, 1))
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_each_point_that_cannot_be_stored_has_an_error_of_its_own(sagemaker: Any, metrics: Any, part: str) -> None:
    bad = [("loss", 1, math.nan, 0), ("loss", 1, math.inf, 0), ("loss", -1, 1.0, 0)]
    answer = put(metrics, ("loss", 1, 0.5, 0), *bad, ("auc", 1, 0.5, 0))
    assert answer["Errors"] == [{"Code": "VALIDATION_ERROR", "MetricIndex": number} for number in (1, 2, 3)]
    stored = sagemaker.describe_trial_component(TrialComponentName="part")["Metrics"]
    assert [(item["MetricName"], item["Count"]) for item in stored] == [("loss", 1), ("auc", 1)]


def query(arn: str, **members: Any) -> dict[str, Any]:
    return {
        "MetricName": "loss",
        "ResourceArn": arn,
        "MetricStat": "Avg",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
        **members,
    }


@pytest.mark.parametrize(
    ("asked", "axis", "values"),
    [
        ({}, [0, 1, 2], [1.5, 3.0, 4.0]),
        ({"MetricStat": "Max", "Start": 0, "End": 1}, [0, 1], [2.0, 3.0]),
        ({"MetricStat": "StdDev", "End": 0}, [0], [0.5]),
        ({"XAxisType": "Timestamp", "Period": "OneMinute", "MetricStat": "Count"}, [60, 120], [3.0, 1.0]),
        ({"XAxisType": "Timestamp", "Period": "OneHour", "MetricStat": "Last"}, [0], [4.0]),
        ({"MetricName": "other"}, [], []),
    ],
)
def test_series_are_read_back(
    metrics: Any, part: str, asked: dict[str, Any], axis: list[int], values: list[float]
) -> None:
    put(metrics, ("loss", 60, 1.0, 0), ("loss", 61, 2.0, 0), ("loss", 119, 3.0, 1))
    put(metrics, ("loss", 120, 4.0, 2))
    (result,) = metrics.batch_get_metrics(MetricQueries=[query(part, **asked)])["MetricQueryResults"]
    assert (result["Status"], result["XAxisValues"], result["MetricValues"]) == ("Complete", axis, values)


def test_a_query_that_cannot_be_answered_says_so_for_itself(metrics: Any, part: str) -> None:
    put(metrics, ("loss", 60, 1.0, 0))
    asked = [query(part[:-1]), query(part, XAxisType="Timestamp"), query(part)]
    results = metrics.batch_get_metrics(MetricQueries=asked)["MetricQueryResults"]
    assert [result["Status"] for result in results] == ["ValidationError", "ValidationError", "Complete"]


def test_points_go_with_their_component(sagemaker: Any, metrics: Any, part: str, records_emulator: Emulator) -> None:
    put(metrics, ("loss", 60, 1.0, 0))
    assert list(records_emulator.records.scan("trial-component-metrics"))
    sagemaker.delete_trial_component(TrialComponentName="part")
    assert not list(records_emulator.records.scan("trial-component-metrics"))
