"""Makes the processing job of a data-quality monitoring execution from its definition and its time window. Pure."""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from harness.kernel.clock import iso, utc
from harness.kernel.s3uri import S3Uri

METRICS_NAMESPACE = "aws/sagemaker/Endpoints/data-metrics"
CAPTURE_FORMAT = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
STATISTICS_PATH = "/opt/ml/processing/baseline/stats"
CONSTRAINTS_PATH = "/opt/ml/processing/baseline/constraints"
SCRIPTS_PATH = "/opt/ml/processing/code"


@dataclass(frozen=True)
class Definition:
    """A monitoring job, from a job definition or from the inline definition of a schedule."""

    image: str
    entrypoint: Sequence[str]
    arguments: Sequence[str]
    environment: Mapping[str, str]
    preprocessor: str
    postprocessor: str
    endpoint: str
    input_path: str
    output: Mapping[str, Any]
    constraints: str
    statistics: str
    baselining_job: str
    resources: Mapping[str, Any]
    network: Mapping[str, Any] | None
    stopping: Mapping[str, Any] | None
    role: str
    start_offset: str
    end_offset: str


def definition_of(config: Mapping[str, Any], described: Callable[[str], Mapping[str, Any]]) -> Definition:
    """Return what a schedule of this MonitoringScheduleConfig runs. ``described`` describes job definitions."""
    if "MonitoringJobDefinition" in config:
        return read_inline_definition(config["MonitoringJobDefinition"])
    return read_job_definition(described(config["MonitoringJobDefinitionName"]))


def with_baseline(definition: Definition, described: Callable[[str], Mapping[str, Any]]) -> Definition:
    """Fill in the files that the baselining job wrote, where one is named. ``described`` describes that job."""
    if not definition.baselining_job:
        return definition
    outputs = described(definition.baselining_job)["ProcessingOutputConfig"]["Outputs"]
    baseline = S3Uri.parse(outputs[0]["S3Output"]["S3Uri"])
    return replace(
        definition,
        constraints=definition.constraints or str(baseline.join("constraints.json")),
        statistics=definition.statistics or str(baseline.join("statistics.json")),
    )


def read_job_definition(spec: Mapping[str, Any]) -> Definition:
    application = spec["DataQualityAppSpecification"]
    return _definition(
        application=application,
        image=application["ImageUri"],
        source=spec["DataQualityJobInput"]["EndpointInput"],
        output=spec["DataQualityJobOutputConfig"],
        baseline=spec.get("DataQualityBaselineConfig", {}),
        resources=spec["JobResources"],
        rest=spec,
        environment=application.get("Environment", {}),
    )


def read_inline_definition(spec: Mapping[str, Any]) -> Definition:
    application = spec["MonitoringAppSpecification"]
    return _definition(
        application=application,
        image=application["ImageUri"],
        source=spec["MonitoringInputs"][0]["EndpointInput"],
        output=spec["MonitoringOutputConfig"],
        baseline=spec.get("BaselineConfig", {}),
        resources=spec["MonitoringResources"],
        rest=spec,
        environment=spec.get("Environment", {}),
    )


def _definition(
    *,
    application: Mapping[str, Any],
    image: str,
    source: Mapping[str, Any],
    output: Mapping[str, Any],
    baseline: Mapping[str, Any],
    resources: Mapping[str, Any],
    rest: Mapping[str, Any],
    environment: Mapping[str, str],
) -> Definition:
    return Definition(
        image=image,
        entrypoint=application.get("ContainerEntrypoint", ()),
        arguments=application.get("ContainerArguments", ()),
        environment=environment,
        preprocessor=application.get("RecordPreprocessorSourceUri", ""),
        postprocessor=application.get("PostAnalyticsProcessorSourceUri", ""),
        endpoint=source["EndpointName"],
        input_path=source["LocalPath"],
        output=output,
        constraints=baseline.get("ConstraintsResource", {}).get("S3Uri", ""),
        statistics=baseline.get("StatisticsResource", {}).get("S3Uri", ""),
        baselining_job=baseline.get("BaseliningJobName", ""),
        resources=resources,
        network=rest.get("NetworkConfig"),
        stopping=rest.get("StoppingCondition"),
        role=rest["RoleArn"],
        start_offset=source.get("StartTimeOffset", ""),
        end_offset=source.get("EndTimeOffset", ""),
    )


@dataclass(frozen=True)
class Execution:
    """One run of a schedule: its scheduled time, its window, and the hour prefixes that hold captured data."""

    schedule: str
    job_name: str
    scheduled: float
    start: float
    end: float
    capture: S3Uri
    folders: Sequence[S3Uri]


def report_uri(definition: Definition, execution: Execution) -> S3Uri:
    """Return ``<S3Uri>/<endpoint>/<schedule>/YYYY/MM/DD/HH``, with the hour of the run."""
    base = S3Uri.parse(definition.output["MonitoringOutputs"][0]["S3Output"]["S3Uri"])
    return base.join(definition.endpoint, execution.schedule, f"{utc(execution.scheduled):%Y/%m/%d/%H}")


def processing_request(definition: Definition, execution: Execution) -> dict[str, Any]:
    target = definition.output["MonitoringOutputs"][0]["S3Output"]
    output = {
        "OutputName": "result",
        "S3Output": {
            "S3Uri": str(report_uri(definition, execution)),
            "LocalPath": target["LocalPath"],
            "S3UploadMode": target.get("S3UploadMode", "Continuous"),
        },
    }
    request: dict[str, Any] = {
        "ProcessingJobName": execution.job_name,
        "AppSpecification": _application(definition),
        "Environment": _environment(definition, execution, target["LocalPath"]),
        "ProcessingInputs": [*_captured_inputs(definition, execution), *_extras(definition)],
        "ProcessingOutputConfig": {"Outputs": [output]},
        "ProcessingResources": {"ClusterConfig": definition.resources["ClusterConfig"]},
        "RoleArn": definition.role,
    }
    if definition.output.get("KmsKeyId"):
        request["ProcessingOutputConfig"]["KmsKeyId"] = definition.output["KmsKeyId"]
    if definition.network:
        request["NetworkConfig"] = dict(definition.network)
    if definition.stopping:
        request["StoppingCondition"] = dict(definition.stopping)
    return request


def _application(definition: Definition) -> dict[str, Any]:
    application: dict[str, Any] = {"ImageUri": definition.image}
    if definition.entrypoint:
        application["ContainerEntrypoint"] = list(definition.entrypoint)
    if definition.arguments:
        application["ContainerArguments"] = list(definition.arguments)
    return application


def _environment(definition: Definition, execution: Execution, output_path: str) -> dict[str, str]:
    environment = {
        "dataset_format": json.dumps(CAPTURE_FORMAT, separators=(",", ":")),
        "dataset_source": definition.input_path,
        "output_path": output_path,
        "publish_cloudwatch_metrics": "Enabled",
        "start_time": iso(execution.start),
        "end_time": iso(
            math.ceil(execution.end)
        ),  # rounded up: captured records have whole seconds, and the end is exclusive
        "metric_time": iso(execution.start),
        "sagemaker_endpoint_name": definition.endpoint,
        "sagemaker_monitoring_schedule_name": execution.schedule,
        "sagemaker_endpoint_datacapture_prefix": str(execution.capture),
    }
    if definition.constraints:
        environment["baseline_constraints"] = _path(CONSTRAINTS_PATH, definition.constraints)
    if definition.statistics:
        environment["baseline_statistics"] = _path(STATISTICS_PATH, definition.statistics)
    if definition.preprocessor:
        environment["record_preprocessor_script"] = _path(f"{SCRIPTS_PATH}/preprocessing", definition.preprocessor)
    if definition.postprocessor:
        environment["post_analytics_processor_script"] = _path(
            f"{SCRIPTS_PATH}/postprocessing", definition.postprocessor
        )
    return {**environment, **definition.environment}


def _captured_inputs(definition: Definition, execution: Execution) -> list[dict[str, Any]]:
    """Return one input for each hour and variant, at endpoint, variant and hour below the input's path."""
    prefix = execution.capture.key
    return [
        _input(
            f"endpoint_input_{number}",
            str(folder),
            posixpath.join(definition.input_path, folder.key[len(prefix) :].strip("/")),
        )
        for number, folder in enumerate(execution.folders, start=1)
    ]


def _extras(definition: Definition) -> list[dict[str, Any]]:
    inputs = (
        ("baseline", definition.statistics, STATISTICS_PATH),
        ("constraints", definition.constraints, CONSTRAINTS_PATH),
        ("pre_processor_script", definition.preprocessor, f"{SCRIPTS_PATH}/preprocessing"),
        ("post_processor_script", definition.postprocessor, f"{SCRIPTS_PATH}/postprocessing"),
    )
    return [_input(name, uri, path) for name, uri, path in inputs if uri]


def _input(name: str, uri: str, path: str) -> dict[str, Any]:
    source = {
        "S3Uri": uri,
        "LocalPath": path,
        "S3DataType": "S3Prefix",
        "S3InputMode": "File",
        "S3DataDistributionType": "FullyReplicated",
        "S3CompressionType": "None",
    }
    return {"InputName": name, "S3Input": source}


def _path(folder: str, uri: str) -> str:
    return f"{folder}/{S3Uri.parse(uri).name}"
