"""The plan learned from a run, and what it is estimated to cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.kernel.errors import GuardRefused, StateError
from harness.promotion.cost.estimate import DurationEstimate
from harness.promotion.cost.prices import PriceTable, load_prices
from harness.promotion.destination import Destination
from harness.promotion.plan import Machines, PlannedResource, make_plan

HERE = Destination("aws", "123456789012", "us-east-1", "Role", instance_types={"Train": "ml.m5.large", "Old": "ml.a.b"})
PRICES = PriceTable(
    "2026-09-01",
    {"ml.m5.large": {"every": 0.12}, "ml.m5.xlarge": {"every": 0.24}},
    startup={"TrainingJob": 120, "Endpoint": 360},
)
XLARGE = [{"InstanceType": "ml.m5.xlarge", "InstanceCount": 2}]


def step(name: str, at: float = 0) -> dict[str, Any]:
    return {"event": "step", "name": name, "state": "started", "at": at}


def created(kind: str, name: str, step: str, at: float = 0, **more: Any) -> dict[str, Any]:
    return {
        "event": "created",
        "kind": kind,
        "name": name,
        "step": step,
        "at": at,
        "config": "",
        "instances": [],
    } | more


EVENTS = [
    step("Train"),
    created("TrainingJob", "t", "Train", instances=XLARGE),
    step("Deploy"),
    created("EndpointConfig", "c", "Deploy", instances=XLARGE),
    created("Endpoint", "e", "Deploy", at=100, config="c"),
    {"event": "evidence", "kind": "TrainingJob", "title": "t", "at": 300, "content": {"description": {
        "TrainingStartTime": "2026-01-01 00:00:00+00:00", "TrainingEndTime": "2026-01-01 00:01:00+00:00"}}},
    {"event": "end", "passed": True, "at": 400},
    step("Tear down on AWS", 401),
]  # fmt: skip


def recorded(reports: Path, run: str, events: list[dict[str, Any]]) -> Path:
    folder = reports / run
    (folder / "it").mkdir(parents=True)
    (folder / "it" / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    return folder


def test_it_is_learned_from_the_last_run_to_the_end(tmp_path: Path) -> None:
    learned = recorded(tmp_path, "20260101-000000", EVENTS)
    recorded(tmp_path, "20260102-000000", [*EVENTS[:2], {"event": "end", "passed": False, "at": 1}])
    plan = make_plan("it", tmp_path / "it.py", sorted(tmp_path.iterdir(), reverse=True), HERE)
    assert (plan.steps, plan.learned_from) == (("Train", "Deploy"), learned)
    assert plan.resources == (
        PlannedResource("TrainingJob", "Train", (Machines("ml.m5.large", 2),), 60.0),
        PlannedResource("Endpoint", "Deploy", (Machines("ml.m5.xlarge", 2),), 301.0),
    )
    assert plan.unknown_words(HERE) == ["Old"]


def test_without_a_run_the_file_tells_the_steps(tmp_path: Path) -> None:
    file = tmp_path / "it.py"
    file.write_text("def run(session):\n    with session.step('One'):\n        pass\n")
    plan = make_plan("it", file, (), HERE)
    assert (plan.steps, plan.resources, plan.learned_from) == (("One",), (), None)
    with pytest.raises(GuardRefused, match="the cost of it is not known"):
        DurationEstimate(PRICES).estimate(plan)


def test_the_estimate_is_time_and_price_with_an_allowance(tmp_path: Path) -> None:
    recorded(tmp_path, "20260101-000000", EVENTS[:-1])
    plan = make_plan("it", tmp_path / "it.py", sorted(tmp_path.iterdir(), reverse=True), HERE)
    training, endpoint = 2 * 0.12 * (120 + 60) / 3600, 2 * 0.24 * (360 + 300) / 3600
    assert DurationEstimate(PRICES).estimate(plan) == pytest.approx(training + endpoint)
    with pytest.raises(GuardRefused, match=r"has no price for ml\.m5\.large"):
        DurationEstimate(PriceTable("2026-09-01", {})).estimate(plan)


def test_our_price_table_is_readable_and_a_bad_one_is_named(tmp_path: Path) -> None:
    assert load_prices().hourly("ml.m5.xlarge", "training") == 0.23
    (tmp_path / "mine.toml").write_text("dated = 1\n")
    with pytest.raises(StateError, match=r"mine.toml is not a price table"):
        load_prices(tmp_path / "mine.toml")
