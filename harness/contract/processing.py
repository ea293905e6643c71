"""The processing container: files below ``/opt/ml``, command, environment, inputs and outputs of one processing job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from harness.contract.catalog import HARNESS_ENVIRONMENT
from harness.contract.container_environment import (
    ContainerEnvironment,
    networked_environment,
    platform_environment,
    resource_config,
)
from harness.contract.containers import Command, ImageProtocol
from harness.contract.layout import Input, JobPlan, Output, below_root, to_json
from harness.kernel.records import Record
from harness.kernel.s3uri import S3Uri
from harness.runners.spec import Network, RunSpec

DEFAULT_MAX_RUNTIME = 86400
MESSAGE_FILE = "output/message"
CLOUDWATCH_FOLDER = "output/metrics/cloudwatch"


def plan_processing(record: Record, image: ImageProtocol, where: ContainerEnvironment) -> JobPlan:
    hosts = where.of_cluster(record.spec["ProcessingResources"]["ClusterConfig"])
    first, *others = (_plan_host(record, image, host) for host in hosts)
    return replace(first, others=tuple(others))


def _plan_host(record: Record, image: ImageProtocol, where: ContainerEnvironment) -> JobPlan:
    spec = record.spec
    inputs = tuple(_input(item, where) for item in spec.get("ProcessingInputs", []) if not item.get("AppManaged"))
    outputs = tuple(
        _output(item)
        for item in spec.get("ProcessingOutputConfig", {}).get("Outputs", [])
        if not item.get("AppManaged")
    )
    return JobPlan(
        run=_run_spec(record, image, where),
        files={
            "config/processingjobconfig.json": to_json(_job_config(record)),
            "config/resourceconfig.json": to_json(resource_config(image.network_interface, where)),
        },
        folders=("output", CLOUDWATCH_FOLDER, "processing", *[i.path for i in inputs], *[o.path for o in outputs]),
        inputs=inputs,
        outputs=outputs,
    )


def metrics_namespace(dimensions: Mapping[str, str]) -> str:
    """Return the CloudWatch namespace for metrics that a monitoring container wrote. Their lines do not name one."""
    return f"aws/sagemaker/{'Endpoints' if 'Endpoint' in dimensions else 'ModelMonitoring'}/data-metrics"


def _run_spec(record: Record, image: ImageProtocol, where: ContainerEnvironment) -> RunSpec:
    spec = record.spec
    network = spec.get("NetworkConfig", {})
    isolated = bool(network.get("EnableNetworkIsolation"))
    base = RunSpec(
        name=record.name,
        argv=(),
        environment=HARNESS_ENVIRONMENT,
        root=where.root,
        env={
            **platform_environment(where),
            **({} if isolated else networked_environment(where)),
            "PROCESSING_JOB_NAME": record.name,
            "PROCESSING_JOB_ARN": record.arn,
            **spec.get("Environment", {}),
        },
        hostname=where.host,
        group=where.group,
        peers=where.hosts if where.group else (),
        network=Network.ISOLATED if isolated else Network.EMULATOR,
        time_limit=float(spec.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)),
    )
    application = spec["AppSpecification"]
    command = Command(
        "",
        spec["ProcessingResources"]["ClusterConfig"]["InstanceType"],
        tuple(application.get("ContainerEntrypoint", ())),
        tuple(application.get("ContainerArguments", ())),
    )
    return image.command_spec(base, command)


def _input(item: Mapping[str, Any], where: ContainerEnvironment) -> Input:
    source = item["S3Input"]
    return Input(
        name=item["InputName"],
        uri=S3Uri.parse(source["S3Uri"]),
        path=below_root(source["LocalPath"]) or "",
        kind=source["S3DataType"],
        gunzip=source.get("S3CompressionType") == "Gzip",
        share=where.share() if source.get("S3DataDistributionType") == "ShardedByS3Key" else (0, 1),
    )


def _output(item: Mapping[str, Any]) -> Output:
    target = item["S3Output"]
    return Output(
        name=item["OutputName"],
        path=below_root(target["LocalPath"]) or "",
        uri=S3Uri.parse(target["S3Uri"]),
        continuous=target["S3UploadMode"] == "Continuous",
    )


def _job_config(record: Record) -> dict[str, Any]:
    """Return ``processingjobconfig.json``: the request, with null for absent optional members."""
    spec = record.spec
    application = spec["AppSpecification"]
    output = spec.get("ProcessingOutputConfig", {})
    return {
        "ProcessingJobArn": record.arn,
        "ProcessingJobName": record.name,
        "AppSpecification": {
            "ImageUri": application["ImageUri"],
            "ContainerEntrypoint": application.get("ContainerEntrypoint"),
            "ContainerArguments": application.get("ContainerArguments"),
        },
        "Environment": spec.get("Environment", {}),
        "ProcessingInputs": [_input_config(item) for item in spec.get("ProcessingInputs", [])],
        "ProcessingOutputConfig": {
            "Outputs": [_output_config(item) for item in output.get("Outputs", [])],
            "KmsKeyId": output.get("KmsKeyId"),
        },
        "ProcessingResources": {
            "ClusterConfig": {"VolumeKmsKeyId": None, **spec["ProcessingResources"]["ClusterConfig"]}
        },
        "RoleArn": spec["RoleArn"],
        "StoppingCondition": spec.get("StoppingCondition", {"MaxRuntimeInSeconds": DEFAULT_MAX_RUNTIME}),
    }


def _input_config(item: Mapping[str, Any]) -> dict[str, Any]:
    source = item["S3Input"]
    return {
        "InputName": item["InputName"],
        "AppManaged": item.get("AppManaged", False),
        "S3Input": {
            "LocalPath": source.get("LocalPath"),
            "S3Uri": source["S3Uri"],
            "S3DataDistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
            "S3DataType": source["S3DataType"],
            "S3InputMode": source.get("S3InputMode", "File"),
            "S3CompressionType": source.get("S3CompressionType", "None"),
            "S3DownloadMode": "StartOfJob",
        },
        "DatasetDefinition": None,
    }


def _output_config(item: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "OutputName": item["OutputName"],
        "AppManaged": item.get("AppManaged", False),
        "S3Output": item.get("S3Output"),
        "FeatureStoreOutput": None,
    }
