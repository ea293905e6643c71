"""Baseline jobs on hand-made tables whose statistics are known exactly."""

from __future__ import annotations

import math

import numpy as np
import pytest

from .conftest import Job

pytestmark = pytest.mark.provenance(
    "documented", source="Developer guide: Schema for statistics and Schema for constraints of Model Monitor"
)


CSV = {"csv": {"header": True, "output_columns_position": "START"}}
TABLE = "label,amount,share,city,flag,gone\n" + "".join(
    f"{label},{amount},{share},{city},{flag},\n"
    for label, amount, share, city, flag in [
        (1, -20, 0.5, "Rome", "true"),
        (0, 10, 1, "Rome", "false"),
        (0, "", 2.25, "Oslo", "true"),
        (1, 40, 4.0, "Oslo", ""),
    ]
)


def test_known_table(job: Job) -> None:
    job.data(TABLE)
    ending = job.run(CSV)
    assert (ending.code, ending.message) == (0, "Completed: Job completed successfully with no violations.")
    statistics = ending.file("statistics.json")
    assert list(statistics) == ["version", "dataset", "features"]
    assert statistics["dataset"] == {"item_count": 4}
    assert [(entry["name"], entry["inferred_type"]) for entry in statistics["features"]] == [
        ("label", "Integral"),
        ("amount", "Integral"),
        ("share", "Fractional"),
        ("city", "String"),
        ("flag", "String"),
        ("gone", "Unknown"),
    ]
    amount = ending.feature("amount")["numerical_statistics"]
    assert list(amount) == [
        *("common", "mean", "sum", "std_dev", "min", "max"),
        *("approximate_num_distinct_values", "completeness", "distribution"),
    ]
    assert (amount["approximate_num_distinct_values"], amount["completeness"]) == (3, 0.75)
    assert amount["common"] == {"num_present": 3, "num_missing": 1}
    assert (amount["mean"], amount["sum"], amount["min"], amount["max"]) == (10.0, 30.0, -20.0, 40.0)
    assert amount["std_dev"] == pytest.approx(math.sqrt(600), rel=1e-12)
    sketch = amount["distribution"]["kll"]["sketch"]
    assert sketch == {"parameters": {"c": 0.64, "k": 2048.0}, "data": [[-20.0, 10.0, 40.0]]}
    buckets = amount["distribution"]["kll"]["buckets"]
    assert [bucket["lower_bound"] for bucket in buckets] == [-20.0 + 60.0 * i / 10 for i in range(10)]
    assert [bucket["count"] for bucket in buckets] == [1.0, 0, 0, 0, 0, 1.0, 0, 0, 0, 1.0]
    city = ending.feature("city")["string_statistics"]
    assert city == {
        "common": {"num_present": 4, "num_missing": 0},
        "distinct_count": 2.0,
        "completeness": 1.0,
        "distribution": {"categorical": {"buckets": [{"value": "Oslo", "count": 2}, {"value": "Rome", "count": 2}]}},
    }
    assert ending.feature("gone")["string_statistics"] == {
        "common": {"num_present": 0, "num_missing": 4},
        "completeness": 0.0,
    }
    assert '"count" : 2\n' in (job.root / "processing" / "output" / "statistics.json").read_text()


def test_suggested_constraints(job: Job) -> None:
    job.data(TABLE)
    ending = job.run(CSV)
    constraints = ending.file("constraints.json")
    assert list(constraints) == ["version", "features", "monitoring_config"]
    assert constraints["features"] == [
        {
            "name": "label",
            "inferred_type": "Integral",
            "completeness": 1.0,
            "num_constraints": {"is_non_negative": True},
        },
        {
            "name": "amount",
            "inferred_type": "Integral",
            "completeness": 0.75,
            "num_constraints": {"is_non_negative": False},
        },
        {
            "name": "share",
            "inferred_type": "Fractional",
            "completeness": 1.0,
            "num_constraints": {"is_non_negative": True},
        },
        {
            "name": "city",
            "inferred_type": "String",
            "completeness": 1.0,
            "string_constraints": {"domains": ["Oslo", "Rome"]},
        },
        # "false" occurs once: half of the distinct values are unique, so they are no domain.
        {"name": "flag", "inferred_type": "String", "completeness": 0.75},
        {"name": "gone", "inferred_type": "Unknown", "completeness": 0.0},
    ]
    assert constraints["monitoring_config"] == {
        "evaluate_constraints": "Enabled",
        "emit_metrics": "Enabled",
        "datatype_check_threshold": 1.0,
        "domain_content_threshold": 1.0,
        "distribution_constraints": {
            "perform_comparison": "Enabled",
            "comparison_threshold": 0.1,
            "comparison_method": "Robust",
            "categorical_comparison_threshold": 0.1,
            "categorical_drift_method": "LInfinity",
        },
    }
    output = job.root / "processing" / "output"
    assert sorted(path.name for path in output.iterdir()) == ["constraints.json", "statistics.json"]
    assert (
        (output / "constraints.json").read_text().startswith('{\n  "version" : 0.0,\n  "features" : [ {\n    "name" :')
    )
    assert ending.metrics == []


def test_drift_method_goes_into_the_suggestion(job: Job) -> None:
    job.data(TABLE)
    config = job.run(CSV, categorical_drift_method="ChiSquared").file("constraints.json")["monitoring_config"]
    assert config["distribution_constraints"] == {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "ChiSquared",
    }


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_population_deviation_as_published(job: Job) -> None:
    job.data("Churn\n" + "1\n" * 325 + "0\n" * 2008)
    churn = job.run(CSV).feature("Churn")["numerical_statistics"]
    assert (churn["mean"], churn["sum"]) == (pytest.approx(0.1393056, abs=1e-7), 325.0)
    assert churn["std_dev"] == pytest.approx(0.346265, abs=1e-6)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_large_table_against_numpy(job: Job) -> None:
    """Several blocks, many compactions, and columns that change their type on the way."""
    rng = np.random.default_rng(5)
    rows = 60_000
    big = rng.integers(10**8, 10**8 + 1000, rows)
    real = rng.normal(1e6, 1.0, rows).round(3)
    late = rng.integers(0, 9, rows).astype(str).tolist()
    mixed = [str(value) for value in rng.integers(0, 50, rows)]
    mixed[59_000] = "1e-05"
    late[58_000] = "2.5"
    names = [f"name-{value:05}" for value in rng.permutation(rows)]
    lines = map(",".join, zip(map(str, big), map(str, real), late, mixed, names, strict=True))
    job.data("big,real,late,mixed,name\n" + "\n".join(lines))
    ending = job.run(CSV)
    for name, values in (("big", big), ("real", real), ("late", np.array(late, dtype=float))):
        found = ending.feature(name)["numerical_statistics"]
        assert found["mean"] == pytest.approx(values.mean(), rel=1e-12)
        assert found["sum"] == pytest.approx(values.sum(), rel=1e-12)
        assert found["std_dev"] == pytest.approx(values.std(), rel=1e-9)
        assert (found["min"], found["max"]) == (values.min(), values.max())
        buckets = found["distribution"]["kll"]["buckets"]
        assert sum(bucket["count"] for bucket in buckets) == rows
        exact, _ = np.histogram(values, bins=[bucket["lower_bound"] for bucket in buckets] + [values.max()])
        assert [bucket["count"] for bucket in buckets] == pytest.approx(exact, abs=0.002 * rows)
    assert ending.feature("late")["inferred_type"] == "Fractional"
    # One cell in exponent notation makes the column text, and the texts before it count as well.
    values = ending.feature("mixed")["string_statistics"]
    assert values["distinct_count"] == 51.0
    counts = {bucket["value"]: bucket["count"] for bucket in values["distribution"]["categorical"]["buckets"]}
    assert counts == {value: float(mixed.count(value)) for value in set(mixed)}
    assert len(ending.feature("mixed", "constraints.json")["string_constraints"]["domains"]) == 51
    # Too many values for a histogram, hence no domain; the count is approximate.
    name = ending.feature("name")["string_statistics"]
    assert name["distinct_count"] == pytest.approx(rows, rel=0.09)
    assert "distribution" not in name
    assert "string_constraints" not in ending.feature("name", "constraints.json")


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_exponent_switch(job: Job) -> None:
    job.data("x\n1e-05\n2\n")
    assert job.run(CSV).feature("x")["inferred_type"] == "String"
    assert job.run(CSV, exponent_notation="Fractional").feature("x")["inferred_type"] == "Fractional"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_same_bytes_every_time(job: Job) -> None:
    rng = np.random.default_rng(6)
    job.data("a,b\n" + "\n".join(f"{a},{b:.4f}" for a, b in zip(range(9000), rng.normal(size=9000), strict=True)))
    output = job.root / "processing" / "output" / "statistics.json"
    job.run(CSV)
    first = output.read_bytes()
    job.run(CSV)
    assert output.read_bytes() == first
