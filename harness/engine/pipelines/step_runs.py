"""Runs the steps of one execution: starts a step of each type, looks at what it created, and stops it."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.contract.pipelines.caching import cache_key
from harness.contract.pipelines.conditions import holds
from harness.contract.pipelines.definition import PipelineDefinition, PipelineStep
from harness.contract.pipelines.expressions import UndefinedExpression, evaluate
from harness.contract.pipelines.retries import classify, classify_failure, pause_before_retry
from harness.contract.pipelines.step_types import CALLBACK, CALLING, CONDITION, FAIL, CallingStep
from harness.engine.components import Components
from harness.engine.lifecycle import is_unfinished
from harness.engine.pipelines.records import change_step, random_word, resource_name, steps_of
from harness.engine.pipelines.step_cache import find_cached
from harness.engine.pipelines.step_values import values_for
from harness.kernel.errors import ApiError
from harness.kernel.kinds import ResourceKind
from harness.kernel.records import Key, Record

LONGEST_REASON = 1024
EXECUTION_TAG = "sagemaker:pipeline-execution-arn"

Call = Callable[[str, str, str, Mapping[str, Any]], Mapping[str, Any]]
"""The port: ``(account, region, operation, request)`` -> answer; raises ``ApiError``."""
Send = Callable[[str, str, str, str], object]
"""The port: ``(account, region, queue URL, body)``; puts a message into an SQS queue, or raises ``ApiError``."""


@dataclass(frozen=True)
class Ports:
    """The functions of the emulator that steps call."""

    call: Call
    send: Send


class StepRuns:
    """The steps of one execution. All methods are called by the thread of that execution."""

    def __init__(self, components: Components, ports: Ports, key: Key, definition: PipelineDefinition) -> None:
        self._components = components
        self._ports = ports
        self._key = key
        self._definition = definition
        self.watched: set[Key] = set()
        """The jobs whose changes the execution waits for."""

    def start(self, step: PipelineStep, execution: Record) -> None:
        """Start a step, or its next attempt. Afterwards it is running or has ended."""
        state = steps_of(execution).get(step.name, {})
        now = self._components.clock.real()
        attempts = state.get("attempts", _attempts_before(execution, step)) + 1
        started = {"started": state.get("started", now), "attempts": attempts, "retry_at": None}
        self._write(step, status="Starting", **started)
        try:
            values = values_for(self._components, execution, self._definition)
            if step.type == CONDITION:
                outcome = all(
                    holds(item, lambda value: evaluate(value, values)) for item in step.arguments["Conditions"]
                )
                properties = {"Outcome": str(outcome)}
                self._complete(step, {"Condition": properties}, properties)
            elif step.type == FAIL:
                message = str(evaluate(step.arguments["ErrorMessage"], values))
                self._fail(step, message, metadata={"Fail": {"ErrorMessage": message[:3072]}})
            elif step.type == CALLBACK:
                self._ask(step, execution, evaluate(step.arguments, values))
            else:
                self._create(step, CALLING[step.type], execution, evaluate(step.arguments, values))
        except UndefinedExpression as error:
            self._fail(step, f"ClientError: {error}")

    def _create(
        self, step: PipelineStep, calling: CallingStep, execution: Record, arguments: Mapping[str, Any]
    ) -> None:
        kind = calling.kind
        key = cache_key(step.type, arguments)
        self._write(step, cache_key=key)
        cached = find_cached(self._components, execution, step, key)
        if cached:
            source, state = cached
            self._complete(step, state["metadata"], state["properties"], cached_from=source.arn)
            return
        name = resource_name(execution, step.name, str(arguments.get(kind.name_member, ""))) if calling.named else ""
        request = _request(calling, name, execution, arguments)
        if kind.lifecycle:
            self.watched.add(self._key._replace(kind=kind.type, name=name))
        self._write(step, resource=name)
        try:
            if "ModelPackageGroupName" in request:
                self._make_group(request["ModelPackageGroupName"])
            answer = self._call(kind.operation("Create"), request)
        except ApiError as error:
            self._handle_refusal(step, kind, error)
            return
        metadata = {calling.metadata: {"Arn": answer[f"{kind.noun}Arn"]}}
        self._write(step, status="Executing", metadata=metadata)
        if not kind.lifecycle:
            self._complete(step, metadata, self._describe(kind, name or answer[f"{kind.noun}Arn"]))

    def _make_group(self, name: str) -> None:
        """Create the group of a model package if there is none, as the step on AWS does."""
        if name.startswith("arn:"):
            return
        try:
            self._call("CreateModelPackageGroup", {"ModelPackageGroupName": name})
        except ApiError as error:
            if "already exists" not in error.message:
                raise

    def _ask(self, step: PipelineStep, execution: Record, arguments: Mapping[str, Any]) -> None:
        """Send the message of a Callback step. The step ends when somebody sends its token back."""
        url, token = step.body["SqsQueueUrl"], random_word()
        metadata = {"Callback": {"CallbackToken": token, "SqsQueueUrl": url, "OutputParameters": []}}
        self._write(step, status="Executing", metadata=metadata, callback={"token": token, "arguments": arguments})
        try:
            self._send(step, execution, token, arguments, "Executing")
        except ApiError as error:
            self._fail(step, f"ClientError: Failed to send the message of the callback to {url}: {error.message}")

    def _send(
        self, step: PipelineStep, execution: Record, token: str, arguments: Mapping[str, Any], status: str
    ) -> None:
        message = {
            "token": token,
            "pipelineExecutionArn": execution.arn,
            "arguments": arguments,
            "status": status,
        }
        self._ports.send(self._key.account, self._key.region, step.body["SqsQueueUrl"], json.dumps(message))

    def look(self, step: PipelineStep, state: Mapping[str, Any], stopping: bool) -> None:
        """End a running step if what it created has ended."""
        calling = CALLING.get(step.type)
        if calling is None or state.get("retry_at"):
            return
        name = state.get("resource", "")
        job = self._components.records.find(self._key._replace(kind=calling.kind.type, name=name))
        if job is None:
            self._fail(step, f"ClientError: {calling.noun} {name} was deleted while the step ran.")
        elif not is_unfinished(job):
            self.watched.discard(job.key)
            self._settle(step, state, calling.kind, job, stopping)

    def _settle(
        self, step: PipelineStep, state: Mapping[str, Any], kind: ResourceKind, job: Record, stopping: bool
    ) -> None:
        if job.state == "Completed":
            self._complete(step, state["metadata"], self._describe(kind, job.name))
        elif job.state == "Stopped" and stopping:
            self._end(step, "Stopped")
        else:
            reason = str(job.status.get("FailureReason", "")) or f"The job ended as {job.state}."
            shown = reason if reason.partition(":")[0].endswith("Error") else f"ClientError: {reason}"
            self._fail_or_retry(step, classify_failure(reason), shown)

    def stop(self, step: PipelineStep, state: Mapping[str, Any]) -> None:
        """Stop a running step. It ends when what it created has stopped."""
        if state["status"] == "Stopping":
            return
        if state.get("retry_at"):
            self._end(step, "Stopped")
            return
        self._write(step, status="Stopping")
        if step.type == CALLBACK:  # it is stopping until somebody sends its token back
            callback = state["callback"]
            with contextlib.suppress(ApiError):  # a queue that is gone: the step can still be answered
                self._send(step, self._execution(), callback["token"], callback["arguments"], "Stopping")
            return
        kind = CALLING[step.type].kind
        try:
            self._call(kind.operation("Stop"), {kind.name_member: state["resource"]})
        except ApiError:
            return  # it ended by itself in this moment

    def _handle_refusal(self, step: PipelineStep, kind: ResourceKind, error: ApiError) -> None:
        exception = classify(error.code, error.status)
        reason = f"ClientError: Failed to invoke sagemaker:{kind.operation('Create')}. Error Details: {error.message}"
        if exception:
            # The wording is recorded in published outputs of ListPipelineExecutionSteps.
            name = exception.replace("SageMaker.", "SAGEMAKER_").replace("Step.", "STEP_")
            reason += (
                f"\nRetry not appropriate on execution of step with PipelineExecutionArn {self._execution().arn} and "
                f"StepId {step.name}. No retry policy configured for the exception type {name}."
            )
        self._fail_or_retry(step, exception, reason)

    def _fail_or_retry(self, step: PipelineStep, exception: str, reason: str) -> None:
        execution = self._execution()
        state = steps_of(execution)[step.name]
        now = self._components.clock.real()
        policies = step.body.get("RetryPolicies") or []
        attempts = state["attempts"] - _attempts_before(execution, step)
        pause = pause_before_retry(policies, exception, attempts, now - state["started"])
        if pause is None:
            self._fail(step, reason)
        else:
            self._write(step, retry_at=now + pause)

    def _describe(self, kind: ResourceKind, name: str) -> Mapping[str, Any]:
        return self._call(kind.operation("Describe"), {kind.name_member: name})

    def _call(self, operation: str, request: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._ports.call(self._key.account, self._key.region, operation, request)

    def _execution(self) -> Record:
        execution = self._components.records.find(self._key)
        if execution is None:
            raise LookupError(self._key)
        return execution

    def _complete(
        self, step: PipelineStep, metadata: Mapping[str, Any], properties: Mapping[str, Any], cached_from: str = ""
    ) -> None:
        self._end(step, "Succeeded", metadata=metadata, properties=properties, cached_from=cached_from)

    def _fail(self, step: PipelineStep, reason: str, **members: Any) -> None:
        self._end(step, "Failed", failure=reason[:LONGEST_REASON], **members)

    def _end(self, step: PipelineStep, status: str, **members: Any) -> None:
        clock = self._components.clock
        self._write(step, status=status, ended=clock.real(), ended_on_clock=clock.now(), retry_at=None, **members)

    def _write(self, step: PipelineStep, **members: Any) -> None:
        self._components.records.change(self._key, lambda execution: change_step(execution, step.name, **members))


def _attempts_before(execution: Record, step: PipelineStep) -> int:
    """Return the attempts of a step before RetryPipelineExecution started the execution again."""
    attempts: int = execution.inner.get("attempts", {}).get(step.name, 0)
    return attempts


def _request(calling: CallingStep, name: str, execution: Record, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Create request of a step: its arguments, a name, the execution's tag and its experiment."""
    tags = [*arguments.get("Tags", []), {"Key": EXECUTION_TAG, "Value": execution.arn}]
    request = {**arguments, calling.kind.name_member: name, "Tags": tags} if calling.named else dict(arguments)
    experiment = execution.status.get("PipelineExperimentConfig")
    if calling.experiment and experiment:
        request["ExperimentConfig"] = {**experiment, **arguments.get("ExperimentConfig", {})}
    return request
