"""Computes when a monitoring schedule is due and which hours an execution covers. Pure functions.

Model Monitor supports three cron forms (hourly, daily at an hour, every N hours from an hour) and NOW, which runs once:
ScheduleConfig in the SageMaker API reference, and "Schedule monitoring jobs" in the developer guide.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from harness.kernel.clock import utc

HOURLY = "cron(0 * ? * * *)"
NOW = "NOW"
DAILY_AT_MIDNIGHT = "cron(0 0 ? * * *)"
"""The schedule without a ScheduleConfig. AWS chooses the hour; harness always uses midnight, to be predictable."""

_DAILY = re.compile(r"cron\(0 (\d{1,2}) \? \* \* \*\)")
_REPEATED = re.compile(r"cron\(0 (\d{1,2})/(\d{1,2}) \? \* \* \*\)")
_DURATION = re.compile(r"-?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")


class BadSchedule(Exception):
    """An expression that Model Monitor does not support."""


def crontab(expression: str) -> str:
    """Return the expression as a crontab line of five fields."""
    if expression == HOURLY:
        return "0 * * * *"
    daily, repeated = _DAILY.fullmatch(expression), _REPEATED.fullmatch(expression)
    if daily and int(daily.group(1)) < 24:
        return f"0 {int(daily.group(1))} * * *"
    if repeated:
        first, every = (int(number) for number in repeated.groups())
        if first < 24 and 1 <= every <= 24:
            # The developer guide documents "17/12" as every 12 hours from 17:00. Unlike cron, it continues after
            # midnight.
            due = sorted((first + later) % 24 for later in range(0, 24, every))
            return f"0 {','.join(map(str, due))} * * *"
    raise BadSchedule(
        f"ScheduleExpression {expression!r} is not supported: use cron(0 * ? * * *), cron(0 [00-23] ? * * *), "
        "cron(0 [00-23]/[01-24] ? * * *) or NOW"
    )


def next_due(expression: str, after: float) -> float:
    """Return the first scheduled time later than ``after``."""
    from croniter import croniter

    return float(croniter(crontab(expression), utc(after)).get_next(float))


def previous_due(expression: str, before: float) -> float:
    from croniter import croniter

    return float(croniter(crontab(expression), utc(before)).get_prev(float))


def seconds_of(offset: str) -> float:
    """Return an ISO 8601 offset (``-PT1H``, ``-P8D``) in seconds; negative if it points to the past."""
    match = _DURATION.fullmatch(offset)
    if match is None or not any(match.groups()):
        raise BadSchedule(f"{offset!r} is not an offset such as -PT1H or -P1D")
    days, hours, minutes = (int(number or 0) for number in match.groups())
    seconds = float(days * 86400 + hours * 3600 + minutes * 60)
    return -seconds if offset.startswith("-") else seconds


def window(expression: str, scheduled: float, start: str | None, end: str | None) -> tuple[float, float]:
    """Return ``[start, end)`` of the data of an execution: from the previous scheduled time to this one.

    ``start`` and ``end`` are offsets from the scheduled time that replace these defaults; NOW requires both.
    """
    begin = scheduled + seconds_of(start) if start else previous_due(expression, scheduled)
    return begin, scheduled + seconds_of(end) if end else scheduled


def shortest_period(expression: str) -> float:
    """Return the shortest time in seconds between two runs of a cron expression."""
    moments = [next_due(expression, 0.0)]
    for _ in range(25):  # more than the runs of one day
        moments.append(next_due(expression, moments[-1]))
    return min(later - earlier for earlier, later in pairwise(moments))


def hours(start: float, end: float) -> Iterator[float]:
    """Yield the hours that overlap with ``[start, end)``."""
    moment = start - start % 3600
    while moment < end:
        yield moment
        moment += 3600
