"""CloudWatch metrics of endpoints: counted at once, published in the background as statistic sets."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from harness.aws import AwsBackend, Metric
from harness.kernel.clock import Clock
from harness.kernel.records import Key

NAMESPACE = "AWS/SageMaker"


@dataclass
class _Statistics:
    count: float = 0.0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")

    def add(self, value: float) -> None:
        self.count += 1.0
        self.total += value
        self.least = min(self.least, value)
        self.most = max(self.most, value)


@dataclass
class _Counts:
    """Counters of one variant since the last flush. Each invocation adds 0 or 1, so the sums hold everything needed."""

    invocations: int = 0
    share: float = 0.0
    client_errors: int = 0
    server_errors: int = 0
    latency: _Statistics = field(default_factory=_Statistics)
    overhead: _Statistics = field(default_factory=_Statistics)


class EndpointMetrics:
    def __init__(self, aws: AwsBackend, clock: Clock) -> None:
        self._aws = aws
        self._clock = clock
        self._counts: dict[tuple[Key, str], _Counts] = {}
        self._lock = threading.Lock()

    def count(self, key: Key, variant: str, instances: int, status: int, model: float, overhead: float) -> None:
        """One invocation; ``status`` 0 means the model gave no answer. ``model`` and ``overhead`` are seconds."""
        with self._lock:
            counter = self._counts.get((key, variant))
            if counter is None:
                counter = self._counts[key, variant] = _Counts()
            counter.invocations += 1
            counter.share += 1 / max(instances, 1)
            counter.client_errors += 400 <= status < 500
            counter.server_errors += status >= 500 or status == 0
            counter.latency.add(model * 1e6)
            counter.overhead.add(overhead * 1e6)

    def flush(self) -> None:
        with self._lock:
            counts, self._counts = self._counts, {}
        moment = self._clock.now()
        for (key, variant), counter in counts.items():
            dimensions = {"EndpointName": key.name, "VariantName": variant}
            self._aws.put_metrics(key.account, key.region, NAMESPACE, list(_metrics(counter, moment, dimensions)))


def _metrics(counter: _Counts, moment: float, dimensions: Mapping[str, str]) -> Iterator[Metric]:
    count = counter.invocations
    errors = counter.client_errors + counter.server_errors
    for name, total in (
        ("Invocations", count),
        ("Invocation4XXErrors", counter.client_errors),
        ("Invocation5XXErrors", counter.server_errors),
        ("InvocationModelErrors", errors),
    ):
        least, most = float(total == count), float(total > 0)
        yield _metric(name, moment, dimensions, _Statistics(count, total, least, most))
    share = counter.share / count
    yield _metric("InvocationsPerInstance", moment, dimensions, _Statistics(count, counter.share, share, share))
    yield _metric("ModelLatency", moment, dimensions, counter.latency, "Microseconds")
    yield _metric("OverheadLatency", moment, dimensions, counter.overhead, "Microseconds")


def _metric(name: str, moment: float, dimensions: Mapping[str, str], of: _Statistics, unit: str = "None") -> Metric:
    values = {"SampleCount": of.count, "Sum": of.total, "Minimum": of.least, "Maximum": of.most}
    return Metric(name, moment, dimensions, statistics=values, unit=unit)
