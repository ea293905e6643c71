"""The timeline: work under the step in which it began, where it really ran."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.report.gantt import MOST_BARS, build_gantt
from harness.report.model import Resource, ScenarioReport, Step

BEGIN = 1795341600.0  # 2026-11-22 10:00:00 UTC


def job(name: str, started: str | None, ended: str | None, **more: Any) -> Resource:
    return Resource("TrainingJob", name, "Completed", started, ended, {}, **more)


def scenario(*resources: Resource, steps: int = 2) -> ScenarioReport:
    told = [Step(f"Step {at}", BEGIN + 10.0 * at, 10.0, "passed") for at in range(steps)]
    return ScenarioReport("a", "A", "v2", BEGIN, 10.0 * steps, True, True, steps=told, resources=list(resources))


def test_jobs_stand_under_the_step_in_which_they_began() -> None:
    late = job("late", "2026-11-22 10:00:12+00:00", "2026-11-22 10:00:17+00:00")
    early = job("early", "2026-11-22 10:00:03+00:00", "2026-11-22 10:00:15+00:00")
    drawn = build_gantt(scenario(late, early))
    assert drawn is not None
    assert [(bar.name, bar.start, bar.seconds) for bar in drawn.bars] == [
        ("Step 0", 0.0, 10.0), ("early", 3.0, 12.0), ("Step 1", 10.0, 10.0), ("late", 12.0, 5.0),
    ]  # fmt: skip
    assert (drawn.seconds, drawn.percent(5.0), drawn.percent(99.0)) == (20.0, "25.00%", "100.00%")


def test_a_moved_clock_moves_no_bar_off_the_page() -> None:
    """An hour was advanced: the service says 11:00, this machine's clock says 12 seconds."""
    moved = job("monitor", "2026-11-22 11:00:00+00:00", "2026-11-22 11:00:04+00:00", created=BEGIN + 12.0)
    untold = job("untold", "2026-11-22 11:00:00+00:00", "2026-11-22 11:00:04+00:00")
    drawn = build_gantt(scenario(moved, untold))
    assert drawn is not None
    assert [(bar.name, bar.start, bar.end) for bar in drawn.bars if bar.kind == "job"] == [("monitor", 12.0, 16.0)]
    assert drawn.seconds == 20.0


def test_an_endpoint_stands_from_its_creation_to_the_end() -> None:
    endpoint = Resource("Endpoint", "mine-2026-11-22-10-00-05-123", "InService", None, None, {}, created=BEGIN + 5.0)
    drawn = build_gantt(scenario(endpoint))
    assert drawn is not None
    [bar] = [bar for bar in drawn.bars if bar.kind == "open"]
    assert (bar.name, bar.start, bar.end) == ("mine", 5.0, 20.0)


def test_nothing_to_draw_is_nothing_and_too_much_is_counted() -> None:
    assert build_gantt(scenario(steps=0)) is None
    alone = build_gantt(
        replace(scenario(steps=0), resources=[job("j", "2026-11-22 10:00:00+00:00", "2026-11-22 10:00:01+00:00")])
    )
    assert alone is not None
    assert [bar.name for bar in alone.bars] == ["j"]
    drawn = build_gantt(scenario(steps=MOST_BARS + 3))
    assert drawn is not None
    assert (len(drawn.bars), drawn.left_out) == (MOST_BARS, 3)


def test_a_time_that_is_none_is_left_out() -> None:
    drawn = build_gantt(scenario(job("odd", "yesterday", "2026-11-22 10:00:17+00:00")))
    assert drawn is not None
    assert [bar.name for bar in drawn.bars] == ["Step 0", "Step 1"]
