"""Metric definitions applied to log lines: the first group of a regex is a value of the metric."""

from __future__ import annotations

import logging
import math
import struct
import threading
from collections.abc import Iterable, Mapping
from itertools import compress

from harness.engine.tracking.component_metrics import MetricPoint
from harness.kernel.expressions import MOST_CHARACTERS, MOST_TEXTS, search, search_here
from harness.stores.logs import LogEvent

log = logging.getLogger(__name__)


class MetricWatch:
    """Collects the points of one job while its lines arrive, in the order of the log. Thread-safe.

    ``mark`` is a text that every line with a metric is known to have: other lines are passed over at once. Only the
    definitions of harness's own images have one.
    """

    def __init__(self, definitions: Iterable[Mapping[str, str]], mark: str = "") -> None:
        self._definitions = [(item["Name"], item["Regex"]) for item in definitions]
        self._mark = mark
        self._points: list[MetricPoint] = []
        self._waiting: list[LogEvent] = []
        self._size = 0
        self._lock = threading.Lock()

    def see(self, event: LogEvent) -> None:
        if not self._definitions or self._mark not in event.message:
            return
        with self._lock:
            self._waiting.append(event)
            self._size += len(event.message)
            if len(self._waiting) >= MOST_TEXTS or self._size >= MOST_CHARACTERS:
                self._search()

    def points(self) -> list[MetricPoint]:
        """Return the points of all lines seen so far."""
        with self._lock:
            self._search()
            return list(self._points)

    def _search(self) -> None:
        events, self._waiting, self._size = self._waiting, [], 0
        if not events:
            return
        find = search_here if self._mark else search
        results = find([regex for _, regex in self._definitions], [event.message for event in events])
        found = []
        for position, ((name, _), result) in enumerate(zip(self._definitions, results, strict=True)):
            if result is None:
                log.warning("the metric %r gets no more values: its regex takes too long on the lines of the job", name)
            values = ((number, _finite(group)) for number, group in (result or {}).items())
            found += [(number, position, name, value) for number, value in values if value is not None]
        for number, _, name, value in sorted(found):
            self._points.append(MetricPoint(name, events[number].timestamp / 1000, value))
        kept = [result is not None for result in results]
        self._definitions = list(compress(self._definitions, kept))


def _finite(text: str | None) -> float | None:
    """Return the number; None for what is none. CloudWatch takes neither NaN nor infinity."""
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None


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
