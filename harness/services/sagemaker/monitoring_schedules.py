"""Monitoring schedules: create, describe, list, update, start, stop, delete."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.contract.schedules import (
    DAILY_AT_MIDNIGHT,
    NOW,
    BadSchedule,
    crontab,
    next_due,
    shortest_period,
    window,
)
from harness.engine.lifecycle import move
from harness.engine.monitoring.records import EXECUTION, SCHEDULE
from harness.engine.monitoring.schedules import DATA_QUALITY
from harness.kernel.errors import ResourceInUse, ResourceNotFound, ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing
from harness.services.sagemaker.images import find_processing_image
from harness.services.sagemaker.jobs import refuse_empty_words, require_single_host
from harness.services.sagemaker.monitored_data import check_baseline, check_endpoint_input, check_output
from harness.services.scope import Scope
from harness.stores.records import RecordExists

LONGEST_WINDOW = 24 * 3600


def create_monitoring_schedule(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    config = request["MonitoringScheduleConfig"]
    _check(scope, config)
    name = request["MonitoringScheduleName"]
    record = Record(
        key=scope.key(SCHEDULE, name),
        arn=scope.arn(SCHEDULE, name),
        spec=request,
        inner={"next": _first_due(scope, config), "endpoint": _endpoint(scope, config)},
        created=scope.clock.now(),
    )
    try:
        scope.records.add(move(move(record, "Pending"), "Scheduled"))
    except RecordExists as taken:
        raise ResourceInUse(f"Monitoring Schedule already exists: {taken.existing.arn}") from taken
    scope.engine.wake_schedules()
    return {"MonitoringScheduleArn": record.arn}


def describe_monitoring_schedule(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _describe(_find(scope, request))


def list_monitoring_schedules(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    return _LISTING.page(scope.records_of(SCHEDULE), request)


def update_monitoring_schedule(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find(scope, request)
    config = request["MonitoringScheduleConfig"]
    _check(scope, config)
    inner = {"next": _first_due(scope, config), "endpoint": _endpoint(scope, config)}
    scope.records.change(
        record.key,
        lambda current: replace(
            current, spec={**current.spec, "MonitoringScheduleConfig": config}, inner={**current.inner, **inner}
        ),
    )
    scope.engine.wake_schedules()
    return {"MonitoringScheduleArn": record.arn}


def start_monitoring_schedule(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find(scope, request)
    if record.state == "Scheduled":
        return {}
    due = _first_due(scope, record.spec["MonitoringScheduleConfig"])
    scope.records.change(
        record.key, lambda current: replace(move(current, "Scheduled"), inner={**current.inner, "next": due})
    )
    scope.engine.wake_schedules()
    return {}


def stop_monitoring_schedule(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find(scope, request)
    if record.state != "Stopped":
        scope.records.change(record.key, lambda current: move(current, "Stopped"))
    return {}


def delete_monitoring_schedule(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = _find(scope, request)
    scope.records.delete(record.key)
    for execution in list(scope.records.scan(EXECUTION, scope.account, scope.region)):
        if execution.status["MonitoringScheduleName"] == record.name:
            scope.records.delete(execution.key)
    return {}


def _find(scope: Scope, request: dict[str, Any]) -> Record:
    name = request["MonitoringScheduleName"]
    record = scope.records.find(scope.key(SCHEDULE, name))
    if record is None:
        raise ResourceNotFound(f"Monitoring Schedule was not found: {scope.arn(SCHEDULE, name)}")
    return record


def _describe(record: Record) -> dict[str, Any]:
    config = record.spec["MonitoringScheduleConfig"]
    return {
        **record.describe(),
        "MonitoringScheduleArn": record.arn,
        "MonitoringType": config.get("MonitoringType", "DataQuality"),
        "EndpointName": record.inner["endpoint"],
        "CreationTime": record.created,
        # The record's time of change is real time; schedules follow the emulator's clock, which may be ahead of it.
        "LastModifiedTime": max(record.created, record.modified),
    }


def _summary(record: Record) -> dict[str, Any]:
    name = record.spec["MonitoringScheduleConfig"].get("MonitoringJobDefinitionName")
    return {**_describe(record), **({"MonitoringJobDefinitionName": name} if name else {})}


_LISTING = Listing(
    answer="MonitoringScheduleSummaries",
    summary=_summary,
    status="MonitoringScheduleStatus",
    filters={
        "EndpointName": lambda record, name: record.inner["endpoint"] == name,
        "MonitoringTypeEquals": lambda record, kind: _describe(record)["MonitoringType"] == kind,
        "MonitoringJobDefinitionName": lambda record, name: (
            record.spec["MonitoringScheduleConfig"].get("MonitoringJobDefinitionName") == name
        ),
    },
)


def _check(scope: Scope, config: dict[str, Any]) -> None:
    kind = config.get("MonitoringType", "DataQuality")
    if kind != "DataQuality":
        raise ValidationException(f"MonitoringType {kind} is not supported by harness; use DataQuality")
    inline, name = config.get("MonitoringJobDefinition"), config.get("MonitoringJobDefinitionName")
    if bool(inline) == bool(name):
        raise ValidationException("Specify either MonitoringJobDefinition or MonitoringJobDefinitionName, not both")
    if name and scope.records.find(scope.key(DATA_QUALITY, name)) is None:
        raise ResourceNotFound(f"Could not find job definition: {scope.arn(DATA_QUALITY, name)}")
    if inline:
        _check_inline(scope, inline)
    _check_timing(config.get("ScheduleConfig"))
    _check_time_limit(scope, config)


def _check_inline(scope: Scope, inline: dict[str, Any]) -> None:
    application = inline["MonitoringAppSpecification"]
    find_processing_image(scope, application["ImageUri"], "MonitoringAppSpecification.ImageUri")
    refuse_empty_words(application)
    check_endpoint_input(scope, inline["MonitoringInputs"][0])
    check_output(inline["MonitoringOutputConfig"])
    check_baseline(scope, inline.get("BaselineConfig", {}))
    cluster = inline["MonitoringResources"]["ClusterConfig"]
    require_single_host("MonitoringResources.ClusterConfig.InstanceCount", cluster["InstanceCount"])


def _check_timing(timing: dict[str, Any] | None) -> None:
    if timing is None:
        return
    start, end = timing.get("DataAnalysisStartTime"), timing.get("DataAnalysisEndTime")
    try:
        if timing["ScheduleExpression"] != NOW:
            crontab(timing["ScheduleExpression"])
        elif not (start and end):
            raise ValidationException("ScheduleExpression NOW needs DataAnalysisStartTime and DataAnalysisEndTime")
        begin, finish = _example_window(timing["ScheduleExpression"], start, end)
        if not 0 < finish - begin <= LONGEST_WINDOW:
            raise ValidationException("DataAnalysisStartTime must be up to 24 hours before DataAnalysisEndTime")
    except BadSchedule as error:
        raise ValidationException(str(error)) from error


def _example_window(expression: str, start: str | None, end: str | None) -> tuple[float, float]:
    scheduled = 0.0 if expression == NOW else next_due(expression, LONGEST_WINDOW)
    return window(expression, scheduled, start, end)


def _check_time_limit(scope: Scope, config: dict[str, Any]) -> None:
    """Refuse a time limit that is longer than the time between two executions."""
    job = config.get("MonitoringJobDefinition")
    if job is None:
        definition = scope.records.find(scope.key(DATA_QUALITY, config["MonitoringJobDefinitionName"]))
        job = definition.spec if definition else {}
    limit, expression = job.get("StoppingCondition", {}).get("MaxRuntimeInSeconds"), _expression(config)
    if limit and expression != NOW and limit > (period := shortest_period(expression)):
        raise ValidationException(
            f"MaxRuntimeInSeconds {limit} is longer than the {period:.0f} seconds from one execution of {expression} "
            "to the next"
        )


def _expression(config: dict[str, Any]) -> str:
    return str(config.get("ScheduleConfig", {}).get("ScheduleExpression", DAILY_AT_MIDNIGHT))


def _first_due(scope: Scope, config: dict[str, Any]) -> float:
    expression = _expression(config)
    now = scope.clock.now()
    return now if expression == NOW else next_due(expression, now)


def _endpoint(scope: Scope, config: dict[str, Any]) -> str:
    if "MonitoringJobDefinition" in config:
        return str(config["MonitoringJobDefinition"]["MonitoringInputs"][0]["EndpointInput"]["EndpointName"])
    definition = scope.records.find(scope.key(DATA_QUALITY, config["MonitoringJobDefinitionName"]))
    return str(definition.spec["DataQualityJobInput"]["EndpointInput"]["EndpointName"]) if definition else ""
