"""Makes ``Values``: where the expressions of a step find their values, in the record of its execution and in S3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.pipelines.definition import PipelineDefinition
from harness.contract.pipelines.expressions import UndefinedExpression, Values, evaluate
from harness.engine.components import Components
from harness.engine.pipelines.records import id_of, pipeline_of, steps_of
from harness.kernel.clock import iso
from harness.kernel.records import Record
from harness.kernel.s3uri import S3Uri
from harness.stores.objects import BucketMissing, ObjectMissing


def values_for(components: Components, execution: Record, definition: PipelineDefinition) -> Values:
    """Return the values of an execution as it is now."""
    states = steps_of(execution)

    def find_properties(step: str) -> Mapping[str, Any] | None:
        properties: Mapping[str, Any] | None = states.get(step, {}).get("properties")
        return properties

    def find_property_file(step: str, file: str) -> str:
        body = definition.steps[step].body
        item = next(item for item in body["PropertyFiles"] if item["PropertyFileName"] == file)
        for output in (find_properties(step) or {}).get("ProcessingOutputConfig", {}).get("Outputs", []):
            if output["OutputName"] == item["OutputName"]:
                return f"{output['S3Output']['S3Uri'].rstrip('/')}/{item['FilePath']}"
        raise UndefinedExpression(f"Step '{step}' does not yet contain processing outputs.")

    def read(uri: str) -> bytes:
        objects = components.aws.objects(execution.key.account, execution.key.region)
        try:
            return objects.read(S3Uri.parse(uri))
        except (ObjectMissing, BucketMissing, ValueError) as error:
            raise UndefinedExpression(f"Received an error while reading file {uri} from S3: {error}") from error

    return Values(
        parameters=execution.inner["parameters"],
        execution={
            "StartDateTime": iso(execution.created),
            "CurrentDateTime": iso(components.clock.real()),
            "PipelineName": pipeline_of(execution),
            "PipelineArn": execution.arn.partition("/execution/")[0],
            "PipelineExecutionId": id_of(execution),
            "PipelineExecutionArn": execution.arn,
        },
        experiment=execution.status.get("PipelineExperimentConfig", {}),
        properties=find_properties,
        property_file=find_property_file,
        read=read,
    )


def experiment_of(components: Components, execution: Record, definition: PipelineDefinition) -> dict[str, str]:
    """Return the names of the experiment and the trial of an execution. Empty if its definition has none."""
    config = evaluate(definition.experiment or {}, values_for(components, execution, definition))
    # Recorded names of experiments are those of pipelines in lower case.
    return {name: str(config[name]).lower() for name in ("ExperimentName", "TrialName") if config.get(name)}
