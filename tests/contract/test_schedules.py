"""When schedules are due, and which hours their executions look at."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from harness.contract.schedules import (
    BadSchedule,
    crontab,
    hours,
    next_due,
    previous_due,
    seconds_of,
    shortest_period,
    window,
)

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Schedule monitoring jobs")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc).timestamp()


HOURLY = "cron(0 * ? * * *)"


@pytest.mark.parametrize(
    ("expression", "after", "due"),
    [
        (HOURLY, "2026-03-01T10:20", ["2026-03-01T11:00", "2026-03-01T12:00"]),
        (HOURLY, "2026-03-01T11:00", ["2026-03-01T12:00"]),
        ("cron(0 5 ? * * *)", "2026-02-28T05:00", ["2026-03-01T05:00", "2026-03-02T05:00"]),
        ("cron(0 05 ? * * *)", "2026-02-28T04:59", ["2026-02-28T05:00"]),
        ("cron(0 0/6 ? * * *)", "2026-03-01T07:00", ["2026-03-01T12:00", "2026-03-01T18:00", "2026-03-02T00:00"]),
        ("cron(0 17/12 ? * * *)", "2026-03-01T00:00", ["2026-03-01T05:00", "2026-03-01T17:00", "2026-03-02T05:00"]),
        ("cron(0 3/24 ? * * *)", "2026-03-01T04:00", ["2026-03-02T03:00", "2026-03-03T03:00"]),
        ("cron(0 0/1 ? * * *)", "2026-03-01T04:30", ["2026-03-01T05:00", "2026-03-01T06:00"]),
    ],
)
def test_the_next_moments(expression: str, after: str, due: list[str]) -> None:
    moment = at(after)
    for expected in due:
        before, moment = moment, next_due(expression, moment)
        assert moment == at(expected)
        assert previous_due(expression, moment + 1) == moment
        assert before < moment


@pytest.mark.parametrize(
    "expression",
    [
        "cron(0 24 ? * * *)",
        "cron(0 0/0 ? * * *)",
        "cron(0 0/25 ? * * *)",
        "cron(5 * ? * * *)",
        "cron(0 * ? * MON *)",
        "rate(1 hour)",
        "",
        "NOW",
    ],
)
def test_what_model_monitor_does_not_take(expression: str) -> None:
    with pytest.raises(BadSchedule, match="not supported"):
        crontab(expression)


@pytest.mark.parametrize(
    ("offset", "seconds"),
    [("-PT1H", -3600), ("-P8D", -8 * 86400), ("-P1DT2H30M", -95400), ("-PT0H", 0), ("PT15M", 900)],
)
def test_offsets(offset: str, seconds: float) -> None:
    assert seconds_of(offset) == seconds


@pytest.mark.parametrize("offset", ["", "P", "PT", "1H", "-P1W", "-PT1S"])
def test_what_is_no_offset(offset: str) -> None:
    with pytest.raises(BadSchedule, match="not an offset"):
        seconds_of(offset)


@pytest.mark.parametrize(
    ("expression", "offsets", "begin", "end"),
    [
        (HOURLY, (None, None), "2026-03-01T10:00", "2026-03-01T11:00"),
        ("cron(0 11 ? * * *)", (None, None), "2026-02-28T11:00", "2026-03-01T11:00"),
        ("cron(0 5/6 ? * * *)", (None, None), "2026-03-01T05:00", "2026-03-01T11:00"),
        (HOURLY, ("-PT5H", "-PT2H"), "2026-03-01T06:00", "2026-03-01T09:00"),
        (HOURLY, ("-PT5H", None), "2026-03-01T06:00", "2026-03-01T11:00"),
        ("cron(0 11 ? * * *)", (None, "-PT2H"), "2026-02-28T11:00", "2026-03-01T09:00"),
        ("NOW", ("-PT1H", "-PT0H"), "2026-03-01T10:00", "2026-03-01T11:00"),
    ],
)
def test_the_window(expression: str, offsets: tuple[str | None, str | None], begin: str, end: str) -> None:
    assert window(expression, at("2026-03-01T11:00"), *offsets) == (at(begin), at(end))


@pytest.mark.parametrize(
    ("expression", "hours"),
    [(HOURLY, 1), ("cron(0 11 ? * * *)", 24), ("cron(0 17/12 ? * * *)", 12), ("cron(0 0/5 ? * * *)", 4)],
)
def test_the_shortest_period(expression: str, hours: int) -> None:
    assert shortest_period(expression) == hours * 3600


def test_the_hours_of_a_window_are_those_it_touches() -> None:
    found = list(hours(at("2026-02-28T22:30"), at("2026-03-01T01:00")))
    assert found == [at("2026-02-28T22:00"), at("2026-02-28T23:00"), at("2026-03-01T00:00")]
