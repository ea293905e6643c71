"""Metric definitions applied to log lines: the first group of a regex is a value of the metric."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from harness.engine.tracking.component_metrics import MetricPoint
from harness.stores.logs import LogEvent

Find = Callable[[str], "re.Match[str] | None"]


@dataclass
class MetricWatch:
    """Collects the points of one job while its lines arrive, in the order of the log. Others are ignored.

    ``mark`` is a text that every line with a metric is known to have: other lines are passed over at once.
    """

    finders: tuple[tuple[str, Find], ...]
    mark: str = ""
    points: list[MetricPoint] = field(default_factory=list)

    @classmethod
    def of(cls, definitions: Iterable[Mapping[str, str]], mark: str = "") -> MetricWatch:
        return cls(tuple((item["Name"], _finder(item["Regex"])) for item in definitions), mark)

    def see(self, event: LogEvent) -> None:
        if self.mark not in event.message:
            return
        for name, find in self.finders:
            match = find(event.message)
            if match is None or not match.groups():
                continue
            try:
                value = float(match.group(1))
            except (TypeError, ValueError):
                continue
            if math.isfinite(value):  # CloudWatch takes neither NaN nor infinity
                self.points.append(MetricPoint(name, event.timestamp / 1000, value))


def _finder(regex: str) -> Find:
    """A regex that begins with ``.*`` finds at the start or nowhere; searching on takes the square of a long line."""
    pattern = re.compile(regex)
    return pattern.match if regex.startswith(".*") and "|" not in regex else pattern.search


def final_metrics(points: Iterable[MetricPoint]) -> list[dict[str, object]]:
    """``FinalMetricDataList``: the last value of each metric, as a 32-bit float widened, on a whole second."""
    return [
        {"MetricName": name, "Value": single(last.value), "Timestamp": float(int(last.timestamp))}
        for name, last in {point.name: point for point in points}.items()
    ]


def single(value: float) -> float:
    """SageMaker keeps metrics as 32-bit floats (``0.03457`` reads back as ``0.03457000106573105``)."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return value
