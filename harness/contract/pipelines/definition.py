"""``parse_definition``: reads a pipeline's definition and refuses what is malformed or not supported, by name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from harness.contract.pipelines import conditions
from harness.contract.pipelines.caching import read_expiry
from harness.contract.pipelines.expressions import JOIN, JSON_GET, find_gets, is_expression, split_step
from harness.contract.pipelines.parameters import TYPES as OUTPUT_TYPES
from harness.contract.pipelines.parameters import BadParameter, Parameter, declare
from harness.contract.pipelines.retries import check_policies
from harness.contract.pipelines.step_types import CALLBACK, CONDITION, FAIL, SUPPORTED

VERSION = "2020-12-01"
EXECUTION_VARIABLES = frozenset(
    {
        *("StartDateTime", "CurrentDateTime", "PipelineName", "PipelineArn"),
        *("PipelineExecutionId", "PipelineExecutionArn"),
    }
)
_NAME = re.compile(r"[A-Za-z0-9\-_]{1,64}")
_DEEPEST = 100
_STEP_MEMBERS = frozenset(
    {
        *("Name", "Type", "Arguments", "DependsOn", "DisplayName", "Description", "RetryPolicies", "CacheConfig"),
        *("PropertyFiles", "SqsQueueUrl", "OutputParameters"),
    }
)


class BadDefinition(ValueError):
    """A pipeline definition that AWS or harness refuses. The text says what and where."""


@dataclass(frozen=True)
class PipelineStep:
    """One step. Steps inside a Condition step are steps like any other, with a ``branch``."""

    name: str
    type: str
    body: Mapping[str, Any]
    needs: frozenset[str]
    """The steps that must have succeeded before it starts."""
    branch: tuple[str, bool] | None = None
    """The Condition step that it belongs to, and the outcome that it runs for."""

    @property
    def arguments(self) -> Mapping[str, Any]:
        arguments: Mapping[str, Any] = self.body.get("Arguments") or {}
        return arguments


@dataclass(frozen=True)
class PipelineDefinition:
    parameters: Mapping[str, Parameter]
    steps: Mapping[str, PipelineStep]
    experiment: Mapping[str, Any] | None


def parse_definition(text: str) -> PipelineDefinition:
    """Return the definition in a JSON text. Raise ``BadDefinition`` for one that cannot be run."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadDefinition(f"The pipeline definition is not valid JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Steps"), list):
        raise BadDefinition("The pipeline definition must be a JSON object with a list of Steps.")
    if document.get("Version", VERSION) != VERSION:
        raise BadDefinition(f"Version {document['Version']!r} of the pipeline definition is not {VERSION}.")
    try:
        _check_depth(document, _DEEPEST)
        parameters = _parameters(document.get("Parameters") or [])
        steps = _steps(document["Steps"])
        _check_references(document, parameters, steps)
    except BadParameter as error:
        raise BadDefinition(str(error)) from error
    except (KeyError, TypeError, AttributeError) as error:
        raise BadDefinition(f"The pipeline definition is malformed: {type(error).__name__}: {error}") from error
    return PipelineDefinition(parameters, steps, document.get("PipelineExperimentConfig"))


def _check_depth(value: Any, left: int) -> None:
    if left == 0:
        raise BadDefinition(f"The pipeline definition is nested more than {_DEEPEST} levels deep.")
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in items:
        _check_depth(item, left - 1)


def _parameters(items: list[dict[str, Any]]) -> dict[str, Parameter]:
    parameters: dict[str, Parameter] = {}
    for item in items:
        name = item["Name"]
        _check_name("Parameter", name)
        if name in parameters:
            raise BadDefinition(f"The parameter name {name!r} occurs more than once.")
        parameters[name] = declare(item)
    return parameters


def _check_name(what: str, name: Any) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadDefinition(f"{what} name {name!r}: use 1 to 64 letters, digits, hyphens and underscores.")


def _steps(items: list[dict[str, Any]]) -> dict[str, PipelineStep]:
    steps: dict[str, PipelineStep] = {}
    for step in _flatten(items, None):
        if step.name in steps:
            raise BadDefinition(f"Step names must be unique: {step.name!r} occurs more than once.")
        steps[step.name] = step
    if not steps:
        raise BadDefinition("The pipeline definition has no steps.")
    return steps


def _flatten(items: list[dict[str, Any]], branch: tuple[str, bool] | None) -> Iterator[PipelineStep]:
    for item in items:
        step = _step(item, branch)
        yield step
        if step.type == CONDITION:
            for member, outcome in (("IfSteps", True), ("ElseSteps", False)):
                yield from _flatten(step.arguments.get(member) or [], (step.name, outcome))


def _step(item: dict[str, Any], branch: tuple[str, bool] | None) -> PipelineStep:
    name, kind = str(item["Name"]), item.get("Type")
    _check_name("Step", item["Name"])
    if not isinstance(kind, str) or kind not in SUPPORTED:
        raise BadDefinition(
            f"Step {name!r}: the step type {kind!r} is not supported by harness. "
            f"Supported are {', '.join(sorted(SUPPORTED))}."
        )
    unknown = sorted(set(item) - _STEP_MEMBERS)
    if unknown:
        raise BadDefinition(f"Step {name!r}: {', '.join(unknown)} of a {kind} step is not supported by harness.")
    if not isinstance(item.get("Arguments", {}), dict):
        raise BadDefinition(f"Step {name!r}: Arguments must be an object.")
    _check_own_rules(name, kind, item)
    depends = item.get("DependsOn") or []
    if not all(isinstance(other, str) for other in depends):
        raise BadDefinition(f"Step {name!r}: DependsOn with run conditions is not supported by harness; use names.")
    needs = {*depends, *_steps_referred_to(_own_values(kind, item))} | ({branch[0]} if branch else set())
    return PipelineStep(name, kind, item, frozenset(needs), branch)


def _check_own_rules(name: str, kind: str, item: dict[str, Any]) -> None:
    arguments = item.get("Arguments") or {}
    if kind == CONDITION:
        for condition in arguments["Conditions"]:
            _check_condition(name, condition)
    if kind == FAIL and "ErrorMessage" not in arguments:
        raise BadDefinition(f"Step {name!r}: a Fail step needs the argument ErrorMessage.")
    if kind == CALLBACK:
        _check_callback(name, item)
    if item.get("RetryPolicies"):
        _refuse(name, check_policies(item["RetryPolicies"]))
    cache = item.get("CacheConfig") or {}
    if cache.get("Enabled") and cache.get("ExpireAfter") is not None and read_expiry(cache["ExpireAfter"]) is None:
        raise BadDefinition(f"Step {name!r}: ExpireAfter {cache['ExpireAfter']!r} is no duration such as PT1H or P30D.")
    outputs = {
        output.get("OutputName") for output in (arguments.get("ProcessingOutputConfig") or {}).get("Outputs", [])
    }
    for file in item.get("PropertyFiles") or []:
        if file["OutputName"] not in outputs:
            raise BadDefinition(f"Step {name!r}: no output is named {file['OutputName']!r}, as a property file says.")


def _check_callback(name: str, item: dict[str, Any]) -> None:
    if not isinstance(item.get("SqsQueueUrl"), str):
        raise BadDefinition(f"Step {name!r}: a Callback step needs an SqsQueueUrl, as a string.")
    for output in item.get("OutputParameters") or []:
        if output["OutputType"] not in OUTPUT_TYPES:
            raise BadDefinition(
                f"Step {name!r}: OutputType {output['OutputType']!r} is none of {', '.join(OUTPUT_TYPES)}."
            )


def _refuse(name: str, problem: str) -> None:
    if problem:
        raise BadDefinition(f"Step {name!r}: {problem}")


def _check_condition(step: str, condition: dict[str, Any]) -> None:
    kind = condition.get("Type")
    if kind not in conditions.TYPES:
        raise BadDefinition(
            f"Step {step!r}: the condition type {kind!r} is none of {', '.join(sorted(conditions.TYPES))}."
        )
    for members in conditions.members_of(kind):
        if not set(members) & set(condition):
            raise BadDefinition(f"Step {step!r}: the condition {kind} has no {' or '.join(members)}.")
    nested = [condition["Condition"]] if kind == "Not" else condition["Conditions"] if kind == "Or" else []
    for item in nested:
        _check_condition(step, item)


def _own_values(kind: str, item: dict[str, Any]) -> Any:
    """Return the values that belong to the step itself: the steps inside a Condition step have their own."""
    arguments = item.get("Arguments") or {}
    return arguments["Conditions"] if kind == CONDITION else arguments


def _steps_referred_to(value: Any) -> Iterator[str]:
    for path in find_gets(value):
        if path.startswith("Steps."):
            yield split_step(path.removeprefix("Steps."))[0]


def _check_references(document: Any, parameters: Mapping[str, Parameter], steps: Mapping[str, PipelineStep]) -> None:
    for step in steps.values():
        for other in sorted(step.needs - set(steps)):
            raise BadDefinition(f"Step {step.name!r} refers to the step {other!r}, which the pipeline does not have.")
        for path in find_gets(_own_values(step.type, dict(step.body))):
            _check_path(step, path, parameters, steps)
        _check_functions(step, _own_values(step.type, dict(step.body)))
    for path in find_gets(document.get("PipelineExperimentConfig")):
        _check_path(None, path, parameters, steps)
    try:
        TopologicalSorter({step.name: step.needs for step in steps.values()}).prepare()
    except CycleError as error:
        raise BadDefinition(f"The steps depend on each other in a cycle: {' -> '.join(error.args[1])}.") from error


def _check_path(
    step: PipelineStep | None, path: str, parameters: Mapping[str, Parameter], steps: Mapping[str, PipelineStep]
) -> None:
    where = f"Step {step.name!r}" if step else "PipelineExperimentConfig"
    root, _, rest = path.partition(".")
    if root == "Parameters" and rest not in parameters:
        raise BadDefinition(f"{where} refers to the parameter {rest!r}, which the pipeline does not have.")
    if root == "Execution" and rest not in EXECUTION_VARIABLES:
        raise BadDefinition(f"{where}: the execution variable {rest!r} is not supported by harness.")
    if root not in ("Parameters", "Execution", "Steps", "PipelineExperimentConfig"):
        raise BadDefinition(f"{where}: the expression Get {path!r} refers to nothing known.")
    if root == "Steps":
        name, member = split_step(rest)
        if name in steps and member.startswith("PropertyFiles."):
            files = {file["PropertyFileName"] for file in steps[name].body.get("PropertyFiles") or []}
            if member.removeprefix("PropertyFiles.") not in files:
                raise BadDefinition(f"{where} refers to {path!r}, but the step has no such property file.")


def _check_functions(step: PipelineStep, value: Any) -> None:
    """Refuse functions that are not known, and those with the wrong operands."""
    if isinstance(value, list):
        for item in value:
            _check_functions(step, item)
    if not isinstance(value, dict):
        return
    for name, operand in value.items():
        if name.startswith("Std:") and not is_expression(value):
            raise BadDefinition(f"Step {step.name!r}: the function {name} is not supported by harness.")
        if name == "Get" and is_expression(value) and not isinstance(operand, str):
            raise BadDefinition(f"Step {step.name!r}: Get needs a string.")
        if name == JOIN and not isinstance(operand.get("Values"), list):
            raise BadDefinition(f"Step {step.name!r}: {JOIN} needs a list of Values.")
        if name == JSON_GET:
            _check_json_get(step, operand)
        _check_functions(step, operand)


def _check_json_get(step: PipelineStep, operand: dict[str, Any]) -> None:
    if not isinstance(operand.get("Path"), str) or len({"PropertyFile", "S3Uri"} & set(operand)) != 1:
        raise BadDefinition(f"Step {step.name!r}: {JSON_GET} needs a Path and one of PropertyFile and S3Uri.")
    if "PropertyFile" in operand and not isinstance(operand["PropertyFile"].get("Get"), str):
        raise BadDefinition(f"Step {step.name!r}: PropertyFile of {JSON_GET} must be a Get expression.")
