"""Records of monitoring schedules and their executions: which moment is next, and what an execution begins as."""

from __future__ import annotations

import uuid
from dataclasses import replace

from harness.contract.monitoring_executions import begin_execution
from harness.contract.schedules import DAILY_AT_MIDNIGHT, NOW, next_due, previous_due
from harness.kernel.records import Key, Record

SCHEDULE = "monitoring-schedule"
EXECUTION = "monitoring-execution"


def set_next_moment(schedule: Record, scheduled: float) -> Record:
    """Set the next moment of a schedule, unless it was stopped or set to another moment meanwhile."""
    if schedule.state != "Scheduled" or schedule.inner.get("next") != scheduled:
        return schedule
    expression = expression_of(schedule)
    following = None if expression == NOW else next_due(expression, scheduled)
    return replace(schedule, inner={**schedule.inner, "next": following})


def skip_missed_moments(schedule: Record, now: float) -> Record:
    """Set a schedule whose moments passed while the emulator was off to the last one of them."""
    expression, due = expression_of(schedule), schedule.inner.get("next")
    if due is None or expression == NOW or due >= (last := previous_due(expression, now)):
        return schedule
    return replace(schedule, inner={**schedule.inner, "next": last})


def expression_of(schedule: Record) -> str:
    timing = schedule.spec["MonitoringScheduleConfig"].get("ScheduleConfig", {})
    return str(timing.get("ScheduleExpression", DAILY_AT_MIDNIGHT))


def make_execution(schedule: Record, scheduled: float, now: float) -> Record:
    """Make the record of an execution that was scheduled for a moment and begins now."""
    config = schedule.spec["MonitoringScheduleConfig"]
    status = begin_execution(schedule.name, config, schedule.inner["endpoint"], scheduled, now, "Pending")
    key = schedule.key
    name = f"{schedule.name}/{int(scheduled)}-{uuid.uuid4().hex[:6]}"
    return Record(Key(EXECUTION, key.account, key.region, name), f"{schedule.arn}/execution", {}, status, created=now)
