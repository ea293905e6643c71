"""Selective execution of a pipeline: some steps run, and the rest keeps the results of an earlier execution."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.contract.pipelines.definition import PipelineDefinition
from harness.engine.pipelines.records import EXECUTION, steps_of
from harness.kernel.errors import ResourceNotFound, ValidationException
from harness.kernel.records import Record
from harness.services.scope import Scope


def select_steps(scope: Scope, record: Record, definition: PipelineDefinition, config: Mapping[str, Any]) -> Record:
    """Return an execution that runs the selected steps only, with the results of the steps that they need."""
    selected = [item["StepName"] for item in config["SelectedSteps"]]
    for name in selected:
        if name not in definition.steps:
            raise ValidationException(f"SelectedSteps: the pipeline has no step {name!r}.")
    needed = _ancestors(definition, selected) - set(selected)
    source = _source(scope, record, config.get("SourcePipelineExecutionArn"))
    if needed and source is None:
        raise ValidationException(
            f"SourcePipelineExecutionArn is required: the selected steps need {', '.join(sorted(needed))}."
        )
    states = {}
    for name in definition.steps:
        if name in needed and source is not None:
            state = steps_of(source).get(name, {})
            if state.get("status") != "Succeeded":
                raise ValidationException(f"SourcePipelineExecutionArn: the step {name!r} did not succeed in it.")
            states[name] = {**state, "reused_from": state.get("reused_from") or source.arn}
    return replace(record, inner={**record.inner, "steps": states, "only": selected})


def _source(scope: Scope, record: Record, arn: str | None) -> Record | None:
    if arn is None:
        return None
    source = scope.records.find(scope.key(EXECUTION, arn.rpartition(":pipeline/")[2]))
    if source is None or source.arn != arn:
        raise ResourceNotFound(f"Pipeline execution with ARN '{arn}' does not exist.")
    if source.name.partition("/")[0] != record.name.partition("/")[0]:
        raise ValidationException(f"SourcePipelineExecutionArn: '{arn}' is an execution of another pipeline.")
    return source


def _ancestors(definition: PipelineDefinition, names: list[str]) -> set[str]:
    found: set[str] = set()
    pending = list(names)
    while pending:
        for other in definition.steps[pending.pop()].needs - found:
            found.add(other)
            pending.append(other)
    return found
