"""Answers to the Callback steps of pipelines: success with output parameters, or failure."""

from __future__ import annotations

from typing import Any

from harness.contract.pipelines.parameters import read_value
from harness.engine.lifecycle import is_unfinished
from harness.engine.pipelines.records import EXECUTION, RUNNING, change_step, definition_of, steps_of
from harness.kernel.errors import ResourceNotFound, ValidationException
from harness.kernel.records import Record
from harness.services.scope import Scope


def send_pipeline_execution_step_success(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    execution, step = _find(scope, request["CallbackToken"])
    given = request.get("OutputParameters", [])
    declared = {
        item["OutputName"]: item["OutputType"]
        for item in definition_of(scope.records, execution).steps[step].body.get("OutputParameters") or []
    }
    values = {}
    for item in given:
        name, text = item["Name"], item["Value"]
        if name not in declared:
            raise ValidationException(f"OutputParameters: the step {step!r} has no output parameter {name!r}.")
        try:
            values[name] = read_value(declared[name], text)
        except (KeyError, ValueError) as error:
            raise ValidationException(f"OutputParameters: {name} {text!r} is no {declared[name]}.") from error
    if missing := sorted(set(declared) - set(values)):
        raise ValidationException(f"OutputParameters: {', '.join(missing)} of the step {step!r} is missing.")
    metadata = steps_of(execution)[step]["metadata"]["Callback"]
    return _end(
        scope,
        execution,
        step,
        status="Succeeded",
        metadata={"Callback": {**metadata, "OutputParameters": given}},
        properties={"OutputParameters": values},
    )


def send_pipeline_execution_step_failure(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    execution, step = _find(scope, request["CallbackToken"])
    reason = request.get("FailureReason", "The callback reported a failure without a reason.")
    return _end(scope, execution, step, status="Failed", failure=reason)


def _end(scope: Scope, execution: Record, step: str, **members: Any) -> dict[str, Any]:
    ended = {"ended": scope.clock.real(), "ended_on_clock": scope.clock.now()}

    def change(current: Record) -> Record:
        if steps_of(current)[step]["status"] not in RUNNING:
            raise ValidationException(f"The step {step!r} of {execution.arn} has ended already.")
        return change_step(current, step, **ended, **members)

    # The thread of the execution is told by the change of the record.
    scope.records.change(execution.key, change)
    return {"PipelineExecutionArn": execution.arn}


def _find(scope: Scope, token: str) -> tuple[Record, str]:
    """Return the execution and the name of the running step that a token belongs to."""
    for execution in scope.records.scan(EXECUTION, scope.account, scope.region, newest_first=True):
        if is_unfinished(execution):
            for name, state in steps_of(execution).items():
                if state.get("callback", {}).get("token") == token and state["status"] in RUNNING:
                    return execution, name
    raise ResourceNotFound(f"No running Callback step has the token {token!r}.")
