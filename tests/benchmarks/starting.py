"""How long until the emulator answers, and what it weighs when idle."""

from __future__ import annotations

import contextlib
import statistics
import time

from botocore.exceptions import ClientError

from tests.benchmarks.machine import emulator, resident_mb
from tests.benchmarks.table import Figure

TIMES = 5


def measure() -> list[Figure]:
    first, s3, idle = [], [], 0.0
    for _ in range(TIMES):
        with emulator() as machine:
            with contextlib.suppress(ClientError):
                machine.client("sagemaker").describe_training_job(TrainingJobName="none")
            first.append(time.perf_counter() - machine.started)
            machine.client("s3").list_buckets()
            s3.append(time.perf_counter() - machine.started)
            time.sleep(2)
            idle = resident_mb(machine.pid)
    return [
        Figure("start to health and a first Describe", statistics.median(first), "s", 0.6, note="with its client"),
        Figure("start to the first S3 answer", statistics.median(s3), "s", 1.5),
        Figure("idle memory of the emulator's own process", idle, "MB", 150),
    ]
