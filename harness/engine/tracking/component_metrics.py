"""Metrics of trial components: running statistics on the component, the points themselves in records beside it.

The statistics are updated point by point, so a component stays small and a Search never reads a series; the points
are appended in numbered records of their own, for BatchGetMetrics.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from harness.kernel.arns import arn
from harness.kernel.records import Key, Record
from harness.stores.records import RecordMissing, RecordStore

KIND = "trial-component-metrics"
MAX_POINTS = 5000
"""Points in one record: a long series is cut, so that no single write is large."""


class MetricPoint(NamedTuple):
    name: str
    timestamp: float
    value: float
    step: int | None = None


def put_metrics(records: RecordStore, key: Key, data: Iterable[Mapping[str, Any]]) -> None:
    """Add points in the API's casing (MetricName, Timestamp, Value, Step) to the component ``key``.

    ``RecordMissing`` when there is no such component.
    """
    put_points(
        records,
        key,
        [MetricPoint(item["MetricName"], item["Timestamp"], item["Value"], item.get("Step")) for item in data],
    )


def put_points(records: RecordStore, key: Key, points: Sequence[MetricPoint]) -> None:
    for start in range(0, len(points), MAX_POINTS):
        _put_chunk(records, key, points[start : start + MAX_POINTS])


def metric_points(records: RecordStore, component: Record) -> Iterator[MetricPoint]:
    """All points of a component, in the order they came."""
    for number in range(component.inner.get("metric_chunks", 0)):
        chunk = records.find(_chunk_key(component.key, number))
        if chunk is not None:
            yield from (MetricPoint(*point) for point in chunk.spec["Points"])


def delete_points(records: RecordStore, component: Record) -> None:
    for number in range(component.inner.get("metric_chunks", 0)):
        try:
            records.delete(_chunk_key(component.key, number))
        except RecordMissing:  # the emulator was killed between counting the chunk and writing it
            continue


def _chunk_key(component: Key, number: int) -> Key:
    return Key(KIND, component.account, component.region, f"{component.name}/{number}")


def _put_chunk(records: RecordStore, key: Key, points: Sequence[MetricPoint]) -> None:
    """Count the chunk and its statistics first: the number claimed is then this writer's alone."""
    component = records.change(key, lambda record: _with_points(record, points))
    chunk = _chunk_key(key, component.inner["metric_chunks"] - 1)
    records.add(
        Record(
            key=chunk,
            arn=arn(KIND, key.account, key.region, chunk.name),
            spec={"Points": [list(point) for point in points]},
            created=component.modified,
            modified=component.modified,
        )
    )


def _with_points(record: Record, points: Sequence[MetricPoint]) -> Record:
    summaries = {item["MetricName"]: dict(item) for item in record.status.get("Metrics", [])}
    spreads = dict(record.inner.get("metric_spreads", {}))
    source = record.status.get("Source", {}).get("SourceArn", record.arn)
    for point in points:
        summary = summaries.setdefault(point.name, {"MetricName": point.name, "SourceArn": source})
        spreads[point.name] = _add(summary, spreads.get(point.name, 0.0), point)
    inner = {**record.inner, "metric_spreads": spreads, "metric_chunks": record.inner.get("metric_chunks", 0) + 1}
    return replace(record, status={**record.status, "Metrics": list(summaries.values())}, inner=inner)


def _add(summary: dict[str, Any], spread: float, point: MetricPoint) -> float:
    """Welford's update: ``spread`` is the sum of squared distances from the mean so far; the new one comes back."""
    count = summary.get("Count", 0) + 1
    mean = summary.get("Avg", 0.0)
    moved = mean + (point.value - mean) / count
    spread += (point.value - mean) * (point.value - moved)
    summary.update(
        Count=count,
        Avg=moved,
        Min=min(summary.get("Min", point.value), point.value),
        Max=max(summary.get("Max", point.value), point.value),
        StdDev=math.sqrt(max(spread, 0.0) / count),
    )
    if point.timestamp >= summary.get("TimeStamp", -math.inf):  # batches of several threads come in any order
        summary.update(Last=point.value, TimeStamp=point.timestamp)
    return spread
