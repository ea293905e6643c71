from __future__ import annotations

import math
import statistics
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.engine.tracking.component_metrics import MAX_POINTS, MetricPoint, metric_points, put_points
from harness.kernel.records import Key, Record
from harness.stores.memory import MemoryRecords

pytestmark = pytest.mark.provenance("documented", source="API reference: TrialComponentMetricSummary")


KEY = Key("experiment-trial-component", "1", "us-east-1", "part")


def with_component() -> MemoryRecords:
    records = MemoryRecords()
    records.add(Record(KEY, "arn:part", {}))
    return records


def component(records: MemoryRecords) -> Record:
    found = records.find(KEY)
    assert found is not None
    return found


@given(st.lists(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=5), min_size=1, max_size=6))
def test_statistics_of_batches_are_those_of_all_points(batches: list[list[float]]) -> None:
    records = with_component()
    for number, batch in enumerate(batches):
        put_points(records, KEY, [MetricPoint("m", float(number), value) for value in batch])
    values = [value for batch in batches for value in batch]
    (metric,) = component(records).status["Metrics"]
    assert (metric["Min"], metric["Max"], metric["Last"]) == (min(values), max(values), values[-1])
    assert metric["Count"] == len(values)
    assert math.isclose(metric["Avg"], statistics.fmean(values), rel_tol=1e-9, abs_tol=1e-6)
    assert math.isclose(metric["StdDev"], statistics.pstdev(values), rel_tol=1e-6, abs_tol=1e-3)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_long_series_are_cut_into_several_records() -> None:
    records = with_component()
    points = [MetricPoint("m", float(number), float(number), number) for number in range(2 * MAX_POINTS + 1)]
    put_points(records, KEY, points)
    assert len(list(records.scan("trial-component-metrics"))) == 3
    assert list(metric_points(records, component(records))) == points


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_writers_at_once_lose_no_point() -> None:
    records = with_component()

    def write(name: str) -> None:
        for number in range(50):
            put_points(records, KEY, [MetricPoint(name, float(number), 1.0)])

    threads = [threading.Thread(target=write, args=(name,)) for name in ("a", "b", "c")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {metric["MetricName"]: metric["Count"] for metric in component(records).status["Metrics"]} == {
        "a": 50,
        "b": 50,
        "c": 50,
    }
    assert len(list(metric_points(records, component(records)))) == 150
