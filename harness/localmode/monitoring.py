"""Monitoring schedules beside local mode: what falls due by the session's clock runs as processing jobs of local mode.

Which hours an execution looks at and what its job is given is the contract's business; here is only when and what then.
"""

# ruff: noqa: N803 - arguments are named as boto3 names them

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from harness.contract.capture import capture_prefix
from harness.contract.monitoring import (
    Definition,
    Execution,
    processing_request,
    read_inline_definition,
    read_job_definition,
)
from harness.contract.schedules import DAILY_AT_MIDNIGHT, NOW, BadSchedule, crontab, hours, next_due, seconds_of, window
from harness.kernel.clock import utc
from harness.kernel.s3uri import S3Uri
from harness.localmode.context import LocalModeContext, refused
from harness.localmode.endpoints import LocalEndpoints
from harness.localmode.jobs import LocalJob

Described = dict[str, Any]


@dataclass
class Schedule:
    name: str
    config: Mapping[str, Any]
    told: Described
    endpoint: str
    due: float | None
    executions: list[Described] = field(default_factory=list)

    @property
    def timing(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.config.get("ScheduleConfig", {})
        return found

    @property
    def expression(self) -> str:
        return str(self.timing.get("ScheduleExpression", DAILY_AT_MIDNIGHT))


class Monitoring:
    OPERATIONS = frozenset(
        (
            "create_data_quality_job_definition",
            "describe_data_quality_job_definition",
            "delete_data_quality_job_definition",
            "create_monitoring_schedule",
            "describe_monitoring_schedule",
            "update_monitoring_schedule",
            "delete_monitoring_schedule",
            "start_monitoring_schedule",
            "stop_monitoring_schedule",
            "list_monitoring_schedules",
            "list_monitoring_executions",
        )
    )

    def __init__(
        self,
        around: LocalModeContext,
        endpoints: LocalEndpoints,
        create_processing_job: Callable[..., Described],
        processing_job: Callable[[str], LocalJob],
    ) -> None:
        self._around = around
        self._endpoints = endpoints
        self._create = create_processing_job
        self._job = processing_job
        self._definitions: dict[str, Described] = {}
        self._known: dict[str, Schedule] = {}

    # -- job definitions -----------------------------------------------------------------------------------------

    def create_data_quality_job_definition(self, **request: Any) -> Described:
        name = request["JobDefinitionName"]
        arn = self._around.arn("data-quality-job-definition", name)
        if name in self._definitions:
            raise self._around.refused(
                "CreateDataQualityJobDefinition", f"Job Definition already exists: {arn}", "ResourceInUse"
            )
        _require(read_job_definition, "CreateDataQualityJobDefinition", request)
        created = utc(self._around.clock.now())
        self._definitions[name] = {**deepcopy(request), "JobDefinitionArn": arn, "CreationTime": created}
        return {"JobDefinitionArn": arn}

    def describe_data_quality_job_definition(self, JobDefinitionName: str) -> Described:
        return deepcopy(self._definition("DescribeDataQualityJobDefinition", JobDefinitionName))

    def delete_data_quality_job_definition(self, JobDefinitionName: str) -> Described:
        self._definition("DeleteDataQualityJobDefinition", JobDefinitionName)
        del self._definitions[JobDefinitionName]
        return {}

    def _definition(self, operation: str, name: str) -> Described:
        if name not in self._definitions:
            arn = self._around.arn("data-quality-job-definition", name)
            raise self._around.refused(operation, f"Could not find job definition: {arn}", "ResourceNotFound")
        return self._definitions[name]

    # -- schedules -----------------------------------------------------------------------------------------------

    def create_monitoring_schedule(
        self, MonitoringScheduleName: str, MonitoringScheduleConfig: Mapping[str, Any], Tags: Any = None
    ) -> Described:
        name, operation = MonitoringScheduleName, "CreateMonitoringSchedule"
        arn = self._around.arn("monitoring-schedule", name)
        if name in self._known:
            raise self._around.refused(operation, f"Monitoring Schedule already exists: {arn}", "ResourceInUse")
        told = {"MonitoringScheduleArn": arn, "CreationTime": utc(self._around.clock.now())}
        self._known[name] = self._scheduled(operation, name, MonitoringScheduleConfig, told)
        self._around.seen(operation, name)
        return {"MonitoringScheduleArn": arn}

    def update_monitoring_schedule(
        self, MonitoringScheduleName: str, MonitoringScheduleConfig: Mapping[str, Any]
    ) -> Described:
        old = self._schedule("UpdateMonitoringSchedule", MonitoringScheduleName)
        new = self._scheduled("UpdateMonitoringSchedule", old.name, MonitoringScheduleConfig, old.told)
        new.executions = old.executions
        self._known[old.name] = new
        return {"MonitoringScheduleArn": old.told["MonitoringScheduleArn"]}

    def describe_monitoring_schedule(self, MonitoringScheduleName: str) -> Described:
        schedule = self._schedule("DescribeMonitoringSchedule", MonitoringScheduleName)
        last = {"LastMonitoringExecutionSummary": schedule.executions[-1]} if schedule.executions else {}
        return deepcopy({**_summary(schedule), "MonitoringScheduleConfig": dict(schedule.config), **last})

    def list_monitoring_schedules(self, EndpointName: str = "", MaxResults: int = 100, **asked: Any) -> Described:
        _only_known("ListMonitoringSchedules", asked, ("SortBy", "SortOrder"))
        found = [one for one in self._known.values() if EndpointName in ("", one.endpoint)]
        return {"MonitoringScheduleSummaries": [deepcopy(_summary(one)) for one in found[:MaxResults]]}

    def stop_monitoring_schedule(self, MonitoringScheduleName: str) -> Described:
        self._set(self._schedule("StopMonitoringSchedule", MonitoringScheduleName), "Stopped")
        return {}

    def start_monitoring_schedule(self, MonitoringScheduleName: str) -> Described:
        schedule = self._schedule("StartMonitoringSchedule", MonitoringScheduleName)
        if schedule.told["MonitoringScheduleStatus"] != "Scheduled":
            schedule.due = self._first_due(schedule.expression)
            self._set(schedule, "Scheduled")
        return {}

    def delete_monitoring_schedule(self, MonitoringScheduleName: str) -> Described:
        self._schedule("DeleteMonitoringSchedule", MonitoringScheduleName)
        del self._known[MonitoringScheduleName]
        return {}

    def list_monitoring_executions(
        self,
        MonitoringScheduleName: str = "",
        EndpointName: str = "",
        StatusEquals: str = "",
        SortOrder: str = "Descending",
        MaxResults: int = 100,
        **asked: Any,
    ) -> Described:
        _only_known("ListMonitoringExecutions", asked, ("SortBy",))
        found = [
            execution
            for schedule in self._known.values()
            if MonitoringScheduleName in ("", schedule.name) and EndpointName in ("", schedule.endpoint)
            for execution in schedule.executions
            if StatusEquals in ("", execution["MonitoringExecutionStatus"])
        ]
        found.sort(key=lambda execution: execution["ScheduledTime"], reverse=SortOrder == "Descending")
        return {"MonitoringExecutionSummaries": deepcopy(found[:MaxResults])}

    def _schedule(self, operation: str, name: str) -> Schedule:
        if name not in self._known:
            arn = self._around.arn("monitoring-schedule", name)
            raise self._around.refused(operation, f"Monitoring Schedule was not found: {arn}", "ResourceNotFound")
        return self._known[name]

    def _scheduled(self, operation: str, name: str, config: Mapping[str, Any], told: Described) -> Schedule:
        if config.get("MonitoringType", "DataQuality") != "DataQuality":
            raise refused(operation, f"MonitoringType {config['MonitoringType']} is not supported; DataQuality is")
        endpoint = self._defined(operation, config).endpoint
        rules = self._endpoints.require(operation, endpoint)
        if rules.told["EndpointStatus"] == "Failed":
            raise refused(operation, f"Endpoint {endpoint} is Failed")
        schedule = Schedule(name, deepcopy(dict(config)), dict(told), endpoint, None)
        try:
            schedule.due = self._first_due(schedule.expression)
        except BadSchedule as error:
            raise refused(operation, str(error)) from error
        self._set(schedule, "Scheduled")
        return schedule

    def _defined(self, operation: str, config: Mapping[str, Any]) -> Definition:
        inline, name = config.get("MonitoringJobDefinition"), config.get("MonitoringJobDefinitionName")
        if inline:
            return _require(read_inline_definition, operation, inline)
        return _require(read_job_definition, operation, self._definition(operation, str(name)))

    def _first_due(self, expression: str) -> float:
        now = self._around.clock.now()
        if expression == NOW:
            return now
        crontab(expression)
        return next_due(expression, now)

    def _set(self, schedule: Schedule, status: str) -> None:
        schedule.told |= {
            "MonitoringScheduleStatus": status,
            "LastModifiedTime": utc(self._around.clock.now()),
        }

    # -- time ----------------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Move the clock forward; what falls due on the way runs, in order, and has ended when this returns."""
        end = self._around.clock.now() + seconds
        while (schedule := self._next()) is not None and (due := schedule.due) is not None and due <= end:
            self._around.clock.advance_to(due)
            self._execute(schedule, due)
        self._around.clock.advance_to(end)

    def _next(self) -> Schedule | None:
        waiting = [
            one for one in self._known.values() if one.due and one.told["MonitoringScheduleStatus"] == "Scheduled"
        ]
        return min(waiting, key=lambda one: one.due or 0, default=None)

    def _execute(self, schedule: Schedule, scheduled: float) -> None:
        schedule.due = None if schedule.expression == NOW else next_due(schedule.expression, scheduled)
        self._endpoints.flush()
        execution = self._new_execution(schedule, scheduled)
        schedule.executions.append(execution)
        try:
            definition = self._resolved(schedule)
            plan = self._plan(schedule, definition, scheduled)
            request = processing_request(definition, plan)
            for output in request["ProcessingOutputConfig"]["Outputs"]:
                output["S3Output"]["S3UploadMode"] = "EndOfJob"  # the only one local mode knows
            execution["ProcessingJobArn"] = self._create(**request)["ProcessingJobArn"]
            execution.update(_outcome(self._job(plan.job_name)))
        except (ClientError, NoCapturedData) as error:
            execution.update(MonitoringExecutionStatus="Failed", FailureReason=str(error)[:1024])
        execution["LastModifiedTime"] = utc(self._around.clock.now())
        if schedule.due is None:
            self._set(schedule, "Stopped")
        self._around.provenance.note(
            "Monitoring executions", "the analyzer's container, its inputs and reports", "schedule, window, result"
        )

    def _new_execution(self, schedule: Schedule, scheduled: float) -> Described:
        now = utc(self._around.clock.now())
        name = schedule.config.get("MonitoringJobDefinitionName")
        return {
            "MonitoringScheduleName": schedule.name,
            "ScheduledTime": utc(scheduled),
            "CreationTime": now,
            "LastModifiedTime": now,
            "MonitoringExecutionStatus": "InProgress",
            "EndpointName": schedule.endpoint,
            "MonitoringType": "DataQuality",
            **({"MonitoringJobDefinitionName": name} if name else {}),
        }

    def _resolved(self, schedule: Schedule) -> Definition:
        definition = self._defined("CreateProcessingJob", schedule.config)
        if not definition.baselining_job:
            return definition
        outputs = self._job(definition.baselining_job).request["ProcessingOutputConfig"]["Outputs"]
        place = S3Uri.parse(outputs[0]["S3Output"]["S3Uri"])
        found = {
            "constraints": definition.constraints or str(place.join("constraints.json")),
            "statistics": definition.statistics or str(place.join("statistics.json")),
        }
        return Definition(**{**definition.__dict__, **found})

    def _plan(self, schedule: Schedule, definition: Definition, scheduled: float) -> Execution:
        timing = schedule.timing
        start, end = window(
            schedule.expression, scheduled, timing.get("DataAnalysisStartTime"), timing.get("DataAnalysisEndTime")
        )
        start += seconds_of(definition.start_offset) if definition.start_offset else 0
        end += seconds_of(definition.end_offset) if definition.end_offset else 0
        destination, folders = self._captured(definition.endpoint, start, end)
        name = f"model-monitoring-{utc(scheduled):%Y%m%d%H%M}-{uuid.uuid4().hex[:24]}"
        return Execution(schedule.name, name, scheduled, start, end, destination, folders)

    def _captured(self, name: str, start: float, end: float) -> tuple[S3Uri, list[S3Uri]]:
        """Where the endpoint captures to, and the hour folders of the window that hold something."""
        live = self._endpoints.live(name)
        if live is None or live[0].capturing is None:
            raise NoCapturedData
        endpoint, server = live
        assert endpoint.capturing is not None
        destination = endpoint.capturing.rules.destination
        s3 = self._around.client("s3")
        places = [capture_prefix(destination, name, server.variant, hour) for hour in hours(start, end)]
        folders = [place for place in places if _holds_something(s3, place)]
        if not folders:
            raise NoCapturedData
        return destination, folders


class NoCapturedData(Exception):
    def __str__(self) -> str:
        return "Job inputs had no data"


def _holds_something(s3: Any, place: S3Uri) -> bool:
    return bool(s3.list_objects_v2(Bucket=place.bucket, Prefix=f"{place.key}/", MaxKeys=1).get("KeyCount"))


def _outcome(job: LocalJob) -> Described:
    status = str(job.told["ProcessingJobStatus"])
    if status == "Completed" and str(job.told.get("ExitMessage", "")).startswith("CompletedWithViolations"):
        return {"MonitoringExecutionStatus": "CompletedWithViolations"}
    reason = {"FailureReason": job.told["FailureReason"]} if "FailureReason" in job.told else {}
    return {"MonitoringExecutionStatus": status, **reason}


def _summary(schedule: Schedule) -> Described:
    name = schedule.config.get("MonitoringJobDefinitionName")
    return {
        "MonitoringScheduleName": schedule.name,
        **schedule.told,
        "MonitoringType": "DataQuality",
        "EndpointName": schedule.endpoint,
        **({"MonitoringJobDefinitionName": name} if name else {}),
    }


def _require(read: Callable[[Mapping[str, Any]], Definition], operation: str, given: Mapping[str, Any]) -> Definition:
    """A definition watches an endpoint or a dataset; here an endpoint."""
    try:
        return read(given)
    except KeyError as error:
        raise refused(
            operation, f"{error} is missing; monitoring in local mode watches an endpoint's captured data"
        ) from error


def _only_known(operation: str, asked: Mapping[str, Any], known: tuple[str, ...]) -> None:
    unknown = sorted(set(asked) - set(known))
    if unknown:
        raise refused(operation, f"not supported in local mode: {', '.join(unknown)}")
