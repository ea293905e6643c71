"""Executions of pipelines: start, describe, list, update, stop, retry; their steps, parameters and definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.contract.pipelines.parameters import BadParameter, as_text, resolve
from harness.contract.pipelines.step_types import CALLING, FAIL
from harness.engine.lifecycle import is_unfinished, move
from harness.engine.pipelines.records import (
    EXECUTION,
    StepState,
    definition_of,
    definition_text,
    execution_id,
    execution_key,
    pipeline_of,
    steps_of,
)
from harness.kernel.errors import ConflictException, ResourceNotFound, ValidationException
from harness.kernel.records import Record
from harness.services.paging import Listing, cut_page
from harness.services.sagemaker.jobs import refuse_members
from harness.services.sagemaker.pipelines import find_pipeline, find_version
from harness.services.sagemaker.selective_executions import select_steps
from harness.services.scope import Scope
from harness.stores.records import RecordExists

_SPEC_MEMBERS = ("PipelineExecutionDescription", "ParallelismConfiguration", "SelectiveExecutionConfig", "RoleArn")


def start_pipeline_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    refuse_members(request, ("MlflowExperimentName",))
    pipeline = find_pipeline(scope, request["PipelineName"])
    version = find_version(scope, pipeline, request)
    now = scope.clock.real()
    identifier = execution_id(pipeline.name, request["ClientRequestToken"])
    record = Record(
        key=execution_key(pipeline.key, identifier),
        arn=f"{pipeline.arn}/execution/{identifier}",
        spec={
            "PipelineExecutionDisplayName": request.get("PipelineExecutionDisplayName", f"execution-{int(now * 1000)}"),
            **{member: request[member] for member in _SPEC_MEMBERS if member in request},
        },
        inner={"steps": {}, "version": version.inner["version"], **_parallelism(request, pipeline.spec)},
        created=now,
    )
    definition = definition_of(scope.records, record)
    try:
        parameters = resolve(definition.parameters, request.get("PipelineParameters", []))
    except BadParameter as error:
        raise ValidationException(str(error)) from error
    record = replace(record, inner={**record.inner, "parameters": parameters})
    if "SelectiveExecutionConfig" in request:
        record = select_steps(scope, record, definition, request["SelectiveExecutionConfig"])
    try:
        scope.records.add(move(record, "Executing"))
    except RecordExists as same_request:
        return {"PipelineExecutionArn": same_request.existing.arn}
    for key, members in ((pipeline.key, {"last_run": now}), (version.key, {"last_execution": record.arn})):
        scope.records.change(key, lambda current, add=members: replace(current, inner={**current.inner, **add}))  # type: ignore[misc]
    scope.engine.submit(record.key)
    return {"PipelineExecutionArn": record.arn}


def _parallelism(*sources: Mapping[str, Any]) -> dict[str, int]:
    """Return the limit of the first source that has one: the request's, then the pipeline's."""
    for source in sources:
        if "ParallelismConfiguration" in source:
            return {"parallel": source["ParallelismConfiguration"]["MaxParallelExecutionSteps"]}
    return {}


def describe_pipeline_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_execution(scope, request["PipelineExecutionArn"])
    limit = {"ParallelismConfiguration": {"MaxParallelExecutionSteps": record.inner.get("parallel")}}
    return {
        **record.describe(),
        **(limit if "parallel" in record.inner else {}),
        **_identity(record),
        "PipelineVersionId": record.inner["version"],
    }


def list_pipeline_executions(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    refuse_members(request, ("PipelineVersionAlias",))
    pipeline = find_pipeline(scope, request["PipelineName"])
    rest = {name: value for name, value in request.items() if name != "PipelineName"}
    return _LISTING.page(scope.records_of(EXECUTION), rest, lambda record: pipeline_of(record) == pipeline.name)


def list_pipeline_execution_steps(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    if "PipelineExecutionArn" not in request:
        raise ValidationException("PipelineExecutionArn is required")
    record = find_execution(scope, request["PipelineExecutionArn"])
    definition = definition_of(scope.records, record)
    items = [(index, name, state) for index, (name, state) in enumerate(steps_of(record).items())]
    page, token = cut_page(
        items,
        request,
        lambda item: [item[2]["started"], item[0]],
        descending=request.get("SortOrder", "Descending") == "Descending",
        limit=request.get("MaxResults", 10),
    )
    steps = [_step(definition.steps[name].body, state) for _, name, state in page]
    return {"PipelineExecutionSteps": steps, **({"NextToken": token} if token else {})}


def _step(body: Mapping[str, Any], state: StepState) -> dict[str, Any]:
    job = body["Type"] in CALLING and CALLING[body["Type"]].kind.is_job
    optional = {
        "StepDisplayName": body.get("DisplayName"),
        "StepDescription": body.get("Description"),
        "EndTime": state.get("ended"),
        "FailureReason": state.get("failure"),
        "CacheHitResult": _source(state.get("cached_from")),
        "SelectiveExecutionResult": _source(state.get("reused_from")),
    }
    return {
        "StepName": body["Name"],
        "StartTime": state["started"],
        "StepStatus": state["status"],
        "Metadata": state.get("metadata", {}),
        # Published answers have 0 for steps that call no job.
        "AttemptCount": state.get("attempts", 0) if job else 0,
        **{name: value for name, value in optional.items() if value},
    }


def _source(arn: str | None) -> dict[str, str] | None:
    return {"SourcePipelineExecutionArn": arn} if arn else None


def list_pipeline_parameters_for_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_execution(scope, request["PipelineExecutionArn"])
    items = [{"Name": name, "Value": as_text(value)} for name, value in record.inner["parameters"].items()]
    page, token = cut_page(
        items, request, lambda item: [item["Name"]], descending=False, limit=request.get("MaxResults", 100)
    )
    return {"PipelineParameters": page, **({"NextToken": token} if token else {})}


def describe_pipeline_definition_for_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_execution(scope, request["PipelineExecutionArn"])
    return {"PipelineDefinition": definition_text(scope.records, record), "CreationTime": record.created}


def update_pipeline_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_execution(scope, request["PipelineExecutionArn"])
    names = ("PipelineExecutionDescription", "PipelineExecutionDisplayName")
    members = {name: request[name] for name in names if name in request}
    limit = _parallelism(request)
    scope.records.change(
        record.key,
        lambda current: replace(current, spec={**current.spec, **members}, inner={**current.inner, **limit}),
    )
    return {"PipelineExecutionArn": record.arn}


def stop_pipeline_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_execution(scope, request["PipelineExecutionArn"])

    def change(current: Record) -> Record:
        if not is_unfinished(current):
            raise ConflictException(
                f"Only running pipeline executions can be stopped. {record.arn} is in status {current.state}."
            )
        return current if current.state == "Stopping" else move(current, "Stopping")

    # The thread of the execution is told by the change of the record.
    scope.records.change(record.key, change)
    return {"PipelineExecutionArn": record.arn}


def retry_pipeline_execution(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    record = find_execution(scope, request["PipelineExecutionArn"])
    steps = definition_of(scope.records, record).steps
    limit = _parallelism(request)

    def change(current: Record) -> Record:
        failed = {name: state for name, state in steps_of(current).items() if state["status"] != "Succeeded"}
        if current.state != "Failed":
            raise ConflictException(
                f"Only failed pipeline executions can be retried. {record.arn} is in status {current.state}."
            )
        for name in failed:
            if steps[name].type == FAIL:
                raise ConflictException(f"{record.arn} cannot be retried: its Fail step {name!r} ended it.")
        attempts = {name: state.get("attempts", 0) for name, state in failed.items()}
        kept = {name: state for name, state in steps_of(current).items() if name not in failed}
        inner = {**current.inner, **limit, "steps": kept, "attempts": {**current.inner.get("attempts", {}), **attempts}}
        status = {name: value for name, value in current.status.items() if name != "FailureReason"}
        return move(replace(current, inner=inner, status=status), "Executing")

    scope.records.change(record.key, change)
    scope.engine.submit(record.key)
    return {"PipelineExecutionArn": record.arn}


def find_execution(scope: Scope, arn: str) -> Record:
    name = arn.rpartition(":pipeline/")[2]
    record = scope.records.find(scope.key(EXECUTION, name))
    if record is None or record.arn != arn:
        raise ResourceNotFound(f"Pipeline execution with ARN '{arn}' does not exist.")
    return record


def _identity(record: Record) -> dict[str, Any]:
    return {
        "PipelineArn": record.arn.partition("/execution/")[0],
        "PipelineExecutionArn": record.arn,
        "CreationTime": record.created,
        "LastModifiedTime": record.modified,
    }


def _summary(record: Record) -> dict[str, Any]:
    reason = record.status.get("FailureReason")
    return {
        **record.describe(),
        "PipelineExecutionArn": record.arn,
        "StartTime": record.created,
        **({"PipelineExecutionFailureReason": reason} if reason else {}),
    }


_LISTING = Listing(
    answer="PipelineExecutionSummaries",
    summary=_summary,
    sorts={"PipelineExecutionArn": lambda record: record.arn},
)
