"""CloudWatch metrics of endpoints: counted at once, published in the background as statistic sets."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Mapping

from harness.kernel.clock import Clock
from harness.kernel.records import Key
from harness.stores.aws_backends import AwsBackend, Metric

NAMESPACE = "AWS/SageMaker"

_Statistics = dict[str, float]


class EndpointMetrics:
    def __init__(self, aws: AwsBackend, clock: Clock) -> None:
        self._aws = aws
        self._clock = clock
        self._sets: dict[tuple[Key, str], dict[str, _Statistics]] = defaultdict(dict)
        self._lock = threading.Lock()

    def count(self, key: Key, variant: str, status: int, seconds: float) -> None:
        """One invocation; ``status`` 0 means the model gave no answer."""
        values = {
            "Invocations": 1.0,
            "Invocation4XXErrors": float(400 <= status < 500),
            "Invocation5XXErrors": float(status >= 500 or status == 0),
            "ModelLatency": seconds * 1e6,
        }
        with self._lock:
            found = self._sets[key, variant]
            for name, value in values.items():
                _add(found, name, value)

    def flush(self) -> None:
        with self._lock:
            sets, self._sets = self._sets, defaultdict(dict)
        moment = self._clock.now()
        for (key, variant), found in sets.items():
            dimensions = {"EndpointName": key.name, "VariantName": variant}
            metrics = [_metric(name, moment, dimensions, values) for name, values in found.items()]
            self._aws.put_metrics(key.account, key.region, NAMESPACE, metrics)


def _add(found: dict[str, _Statistics], name: str, value: float) -> None:
    held = found.get(name)
    if held is None:
        found[name] = {"SampleCount": 1.0, "Sum": value, "Minimum": value, "Maximum": value}
        return
    held["SampleCount"] += 1.0
    held["Sum"] += value
    held["Minimum"] = min(held["Minimum"], value)
    held["Maximum"] = max(held["Maximum"], value)


def _metric(name: str, moment: float, dimensions: Mapping[str, str], values: _Statistics) -> Metric:
    unit = "Microseconds" if name == "ModelLatency" else "None"
    return Metric(name, moment, dimensions, statistics=values, unit=unit)
