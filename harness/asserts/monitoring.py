"""Reading the files that data capture and Model Monitor write."""

from __future__ import annotations

import json
from typing import Any

from harness.asserts.objects import listing, read


def captured_records(s3: Any, prefix: str) -> list[dict[str, Any]]:
    """Return all captured records under a prefix, oldest first."""
    files = [uri for uri in listing(s3, prefix) if uri.endswith(".jsonl")]
    records = [json.loads(line) for uri in files for line in read(s3, uri).decode().splitlines() if line]
    return sorted(records, key=lambda record: str(record["eventMetadata"]["inferenceTime"]))


def without_sketches(statistics: dict[str, Any]) -> dict[str, Any]:
    """Return a ``statistics.json`` document without its quantile sketches, which are most of its size."""
    features = [
        {key: _plain(value) if key == "numerical_statistics" else value for key, value in feature.items()}
        for feature in statistics["features"]
    ]
    return {**statistics, "features": features}


def _plain(numbers: dict[str, Any]) -> dict[str, Any]:
    kll = numbers.get("distribution", {}).get("kll", {})
    return {**numbers, "distribution": {"kll": {"buckets": kll.get("buckets", [])}}}
