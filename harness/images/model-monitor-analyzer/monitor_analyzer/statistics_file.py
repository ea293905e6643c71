"""The content of statistics.json from the profiles of the columns, as the analyzer writes it since 2024.

The members, their order and which numbers are whole: a run of 2024-10-27 (ScottReidux/aai-540, assets/statistics.json).
"""

from __future__ import annotations

from typing import Any

from .cells import STRING, UNKNOWN
from .kll import Ranks
from .profiles import ColumnProfile, DatasetProfile

BUCKETS = 10


def statistics_of(profile: DatasetProfile) -> dict[str, Any]:
    features = [_feature(column) for column in profile.columns.values()]
    return {"version": 0.0, "dataset": {"item_count": profile.rows}, "features": features}


def _feature(column: ColumnProfile) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": column.name, "inferred_type": column.inferred_type}
    common = {"common": {"num_present": column.present, "num_missing": column.missing}}
    if column.inferred_type in (STRING, UNKNOWN):
        entry["string_statistics"] = {**common, **_string_statistics(column)}
    else:
        entry["numerical_statistics"] = {**common, **_numerical_statistics(column)}
    return entry


def _string_statistics(column: ColumnProfile) -> dict[str, Any]:
    completeness = {"completeness": column.completeness}
    if column.inferred_type == UNKNOWN or column.categories is None:
        return completeness
    statistics: dict[str, Any] = {"distinct_count": column.categories.distinct_count, **completeness}
    histogram = column.categories.histogram()
    if histogram is not None:
        buckets = [{"value": value, "count": count} for value, count in histogram]
        statistics["distribution"] = {"categorical": {"buckets": buckets}}
    return statistics


def _numerical_statistics(column: ColumnProfile) -> dict[str, Any]:
    moments = column.moments
    if not moments.count:
        return {"completeness": column.completeness}
    buffers = column.sketch.buffers()
    parameters = {"c": column.sketch.shrinking_factor, "k": float(column.sketch.sketch_size)}
    return {
        "mean": moments.mean,
        "sum": float(moments.sum),
        "std_dev": moments.std_dev,
        "min": moments.min,
        "max": moments.max,
        "approximate_num_distinct_values": column.distinct_numbers.estimate,
        "completeness": column.completeness,
        "distribution": {
            "kll": {
                "buckets": _buckets(Ranks(buffers), moments.min, moments.max),
                "sketch": {"parameters": parameters, "data": buffers},
            }
        },
    }


def _buckets(ranks: Ranks, lowest: float, highest: float) -> list[dict[str, float]]:
    """Equal widths; each bucket holds its lower bound, the last one its upper bound too."""
    edges = [lowest + (highest - lowest) * i / BUCKETS for i in range(BUCKETS + 1)]
    below = [float(rank) for rank in ranks.exclusive(edges)]
    # Rounding can put the last edge just below the maximum, which belongs to the last bucket all the same.
    below[-1] = ranks.total
    return [
        {"lower_bound": edges[i], "upper_bound": edges[i + 1], "count": below[i + 1] - below[i]} for i in range(BUCKETS)
    ]
