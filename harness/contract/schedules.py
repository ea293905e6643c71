"""When a monitoring schedule is due and which hours an execution looks at. Pure functions of moments.

Model Monitor knows three cron forms: hourly, daily at an hour, and every N hours from an hour; and NOW, once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from harness.kernel.clock import utc

HOURLY = "cron(0 * ? * * *)"
NOW = "NOW"
DAILY_AT_MIDNIGHT = "cron(0 0 ? * * *)"
"""Without a ScheduleConfig. AWS chooses the hour itself; a fixed one is easier to test with."""

_DAILY = re.compile(r"cron\(0 (\d{1,2}) \? \* \* \*\)")
_REPEATED = re.compile(r"cron\(0 (\d{1,2})/(\d{1,2}) \? \* \* \*\)")
_DURATION = re.compile(r"-?P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?)?")


class BadSchedule(Exception):
    """The expression is none that Model Monitor takes."""


def crontab(expression: str) -> str:
    """The expression as a five-field crontab line."""
    if expression == HOURLY:
        return "0 * * * *"
    daily, repeated = _DAILY.fullmatch(expression), _REPEATED.fullmatch(expression)
    if daily and int(daily.group(1)) < 24:
        return f"0 {int(daily.group(1))} * * *"
    if repeated:
        first, every = (int(number) for number in repeated.groups())
        if first < 24 and 1 <= every <= 24:
            # "17/12" is documented as every 12 hours starting at 17:00: past midnight it goes on, unlike a crontab's.
            due = sorted((first + later) % 24 for later in range(0, 24, every))
            return f"0 {','.join(map(str, due))} * * *"
    raise BadSchedule(
        f"ScheduleExpression {expression!r} is not supported: use cron(0 * ? * * *), cron(0 [00-23] ? * * *), "
        "cron(0 [00-23]/[01-24] ? * * *) or NOW"
    )


def next_due(expression: str, after: float) -> float:
    """The first nominal moment later than ``after``."""
    from croniter import croniter

    return float(croniter(crontab(expression), utc(after)).get_next(float))


def previous_due(expression: str, before: float) -> float:
    from croniter import croniter

    return float(croniter(crontab(expression), utc(before)).get_prev(float))


def seconds_of(offset: str) -> float:
    """An ISO 8601 offset (``-PT1H``, ``-P8D``) in seconds, negative when it looks back."""
    found = _DURATION.fullmatch(offset)
    if found is None or not any(found.groups()):
        raise BadSchedule(f"{offset!r} is not an offset such as -PT1H or -P1D")
    days, hours, minutes = (int(number or 0) for number in found.groups())
    seconds = float(days * 86400 + hours * 3600 + minutes * 60)
    return -seconds if offset.startswith("-") else seconds


def window(expression: str, scheduled: float, start: str | None, end: str | None) -> tuple[float, float]:
    """``[start, end)`` of the data of an execution: from the previous scheduled moment to this one.

    An offset from the scheduled moment, where one is given, takes the place of either; NOW has both.
    """
    begin = scheduled + seconds_of(start) if start else previous_due(expression, scheduled)
    return begin, scheduled + seconds_of(end) if end else scheduled


def shortest_period(expression: str) -> float:
    """Seconds between two moments of a cron expression that are next to each other."""
    moments = [next_due(expression, 0.0)]
    for _ in range(25):  # more than a day has of them
        moments.append(next_due(expression, moments[-1]))
    return min(later - earlier for earlier, later in pairwise(moments))


def hours(start: float, end: float) -> Iterator[float]:
    """The hour folders that hold data of ``[start, end)``."""
    moment = start - start % 3600
    while moment < end:
        yield moment
        moment += 3600
