"""Metric definitions on log lines, without a job."""

from __future__ import annotations

import time

import pytest

from harness.contract.image_metrics import metrics_of
from harness.engine.jobs.metric_regexes import MetricWatch, final_metrics, single
from harness.engine.tracking.component_metrics import MetricPoint
from harness.stores.logs import LogEvent

pytestmark = pytest.mark.provenance(
    "documented", source="Developer guide: Monitor and analyze training jobs using Amazon CloudWatch metrics"
)

XGBOOST = metrics_of("xgboost")


def points(lines: list[str], *definitions: tuple[str, str], mark: str = "") -> list[MetricPoint]:
    watch = MetricWatch([{"Name": name, "Regex": regex} for name, regex in definitions], mark)
    for number, line in enumerate(lines):
        watch.see(LogEvent(number * 1000, line))
    return watch.points()


@pytest.mark.parametrize(
    ("line", "regex", "values"),
    [
        ("loss=0.5 end", r"loss=([0-9.]+)", [0.5]),
        ("x loss=1e-3", r"loss=(\S+)", [0.001]),
        ("loss=nan", r"loss=(\S+)", []),
        ("loss=-inf", r"loss=(\S+)", []),
        ("x loss=nope", r"loss=(\S+)", []),
        ("loss=1", r"loss=\d", []),
        ("a=1 a=2", r"a=(\d)", [1.0]),
        ("a=1 a=2", r".*a=(\d)", [2.0]),
        ("a=1", r"^a=(\d)$", [1.0]),
        ("b=1", r".*a=(\d)|b=(\d)", []),
        ("b=1", r".*a=(?:\d)|b=(\d)", [1.0]),
        ("x b=1", r".*a=(?:\d)|b=(\d)", [1.0]),
    ],
)
def test_one_line(line: str, regex: str, values: list[float]) -> None:
    assert [point.value for point in points([line], ("m", regex))] == values


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")
def test_the_builtin_definitions_find_the_containers_lines() -> None:
    lines = ["[12]#011train-auc:0.51#011validation-auc:0.49", "[13]#011train-rmse:1.5e-05", "no metric here"]
    found = points(lines, *[(item["Name"], item["Regex"]) for item in XGBOOST.definitions], mark=XGBOOST.mark)
    assert found == [
        ("train:auc", 0.0, 0.51, None),
        ("validation:auc", 0.0, 0.49, None),
        ("train:rmse", 1.0, 1.5e-05, None),
    ]


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_own_definitions_stand_before_the_builtin_ones() -> None:
    merged = XGBOOST.add_to([{"Name": "train:auc", "Regex": "mine"}, {"Name": "new", "Regex": "x"}])
    assert merged[:2] == [{"Name": "train:auc", "Regex": "mine"}, {"Name": "new", "Regex": "x"}]
    names = [item["Name"] for item in merged]
    assert len(names) == len(set(names)) == len(XGBOOST.definitions) + 1


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_final_values_are_the_last_as_32_bit_floats_on_whole_seconds() -> None:
    assert final_metrics([MetricPoint("m", 1.5, 9.0), MetricPoint("m", 2.9, 0.03457)]) == [
        {"MetricName": "m", "Value": 0.03457000106573105, "Timestamp": 2.0}
    ]
    assert single(1e300) == 1e300


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_long_line_takes_no_longer_than_it_must() -> None:
    begun = time.perf_counter()
    points(["x" * 256_000], ("loss", ".*loss=([0-9.]+).*"))
    assert time.perf_counter() - begun < 2
