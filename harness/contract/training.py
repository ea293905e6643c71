"""The training container: files below ``/opt/ml``, command, environment, channels and artifacts of one training job."""

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
from harness.contract.layout import Input, JobPlan, Output, Pipe, below_root, channel_path, to_json
from harness.kernel.records import Record
from harness.kernel.s3uri import S3Uri
from harness.runners.spec import Network, RunSpec

DEFAULT_MAX_RUNTIME = 86400
METRICS_NAMESPACE = "/aws/sagemaker/TrainingJobs"
METRICS_FOLDER = "output/metrics/sagemaker"


def plan_training(record: Record, image: ImageProtocol, where: ContainerEnvironment) -> JobPlan:
    hosts = where.of_cluster(record.spec["ResourceConfig"])
    first, *others = (_plan_host(record, image, host) for host in hosts)
    return replace(first, others=tuple(others))


def _plan_host(record: Record, image: ImageProtocol, where: ContainerEnvironment) -> JobPlan:
    spec = record.spec
    given = [channel for channel in spec.get("InputDataConfig", []) if _is_fed(channel, where)]
    channels = [(channel, _channel(channel, where)) for channel in given]
    return JobPlan(
        run=_run_spec(record, image, where),
        files={
            "input/config/hyperparameters.json": to_json(spec.get("HyperParameters", {})),
            "input/config/inputdataconfig.json": to_json(
                {channel["ChannelName"]: _channel_config(spec, channel) for channel in given}
            ),
            "input/config/resourceconfig.json": to_json(resource_config(image.network_interface, where)),
            **_checkpoint_config(spec),
        },
        folders=("input/data", "model", "output/data", METRICS_FOLDER, *_checkpoint_folder(spec)),
        inputs=(
            *(source for channel, source in channels if channel_mode(spec, channel) != "Pipe"),
            *_checkpoint_input(spec),
        ),
        pipes=tuple(_pipe(channel, source) for channel, source in channels if channel_mode(spec, channel) == "Pipe"),
        outputs=(*artifacts(record), *_checkpoint_output(spec)),
    )


def artifacts(record: Record) -> tuple[Output, Output]:
    """Return ``model.tar.gz`` and ``output.tar.gz`` below S3OutputPath, or plain folders for CompressionType NONE."""
    config = record.spec["OutputDataConfig"]
    base = S3Uri.parse(config["S3OutputPath"]).join(record.name, "output")
    if config.get("CompressionType") == "NONE":
        return Output("model", "model", base.join("model")), Output("output", "output/data", base.join("output"))
    return (
        Output("model", "model", base.join("model.tar.gz"), archive=True),
        Output("output", "output/data", base.join("output.tar.gz"), archive=True),
    )


def model_artifact(record: Record) -> str:
    model = artifacts(record)[0]
    return str(model.uri) if model.archive else f"{model.uri}/"


def _run_spec(record: Record, image: ImageProtocol, where: ContainerEnvironment) -> RunSpec:
    spec = record.spec
    isolated = bool(spec.get("EnableNetworkIsolation"))
    base = RunSpec(
        name=record.name,
        argv=(),
        environment=HARNESS_ENVIRONMENT,
        root=where.root,
        env={
            **platform_environment(where),
            **({} if isolated else networked_environment(where)),
            "TRAINING_JOB_NAME": record.name,
            "TRAINING_JOB_ARN": record.arn,
            "SAGEMAKER_METRICS_DIRECTORY": f"/opt/ml/{METRICS_FOLDER}",
            **spec.get("Environment", {}),
        },
        hostname=where.host,
        group=where.group,
        peers=where.hosts if where.group else (),
        network=Network.ISOLATED if isolated else Network.EMULATOR,
        time_limit=float(spec.get("StoppingCondition", {}).get("MaxRuntimeInSeconds", DEFAULT_MAX_RUNTIME)),
    )
    algorithm = spec["AlgorithmSpecification"]
    command = Command(
        "train",
        where.host_group.instance_type,
        tuple(algorithm.get("ContainerEntrypoint", ())),
        tuple(algorithm.get("ContainerArguments", ())),
    )
    return image.command_spec(base, command)


def _channel(channel: Mapping[str, Any], where: ContainerEnvironment) -> Input:
    source = channel["DataSource"]["S3DataSource"]
    divided = source.get("S3DataDistributionType") == "ShardedByS3Key"
    return Input(
        name=channel["ChannelName"],
        uri=S3Uri.parse(source["S3Uri"]),
        path=channel_path(channel["ChannelName"]),
        kind=source["S3DataType"],
        gunzip=channel.get("CompressionType") == "Gzip",
        share=where.share(source.get("InstanceGroupNames", ())) if divided else (0, 1),
        seed=channel["ShuffleConfig"]["Seed"] if "ShuffleConfig" in channel else None,
    )


def _is_fed(channel: Mapping[str, Any], where: ContainerEnvironment) -> bool:
    """Say whether this host gets the channel: InstanceGroupNames may limit it to some instance groups."""
    groups = channel["DataSource"]["S3DataSource"].get("InstanceGroupNames")
    return not groups or where.host_group.name in groups


def _pipe(channel: Mapping[str, Any], source: Input) -> Pipe:
    return Pipe(
        channel=source.name,
        folder="input/data",
        source=source,
        wrapped=channel.get("RecordWrapperType") == "RecordIO",
        attributes=tuple(channel["DataSource"]["S3DataSource"].get("AttributeNames", ())),
    )


def channel_mode(spec: Mapping[str, Any], channel: Mapping[str, Any]) -> str:
    """Return the input mode of a channel, File, FastFile or Pipe: its own, or else the algorithm's."""
    mode: str = channel.get("InputMode") or spec["AlgorithmSpecification"]["TrainingInputMode"]
    return mode


def _channel_config(spec: Mapping[str, Any], channel: Mapping[str, Any]) -> dict[str, str]:
    mode = channel_mode(spec, channel)
    source = channel["DataSource"]["S3DataSource"]
    config = {
        "TrainingInputMode": "File" if mode == "FastFile" else mode,
        "S3DistributionType": source.get("S3DataDistributionType", "FullyReplicated"),
        "RecordWrapperType": channel.get("RecordWrapperType", "None"),
    }
    return {"ContentType": channel["ContentType"], **config} if channel.get("ContentType") else config


def _checkpoint_config(spec: Mapping[str, Any]) -> dict[str, str]:
    config = spec.get("CheckpointConfig")
    if not config:
        return {}
    document = {"S3Uri": config["S3Uri"], "LocalPath": config.get("LocalPath", "/opt/ml/checkpoints/")}
    return {"input/config/checkpointconfig.json": to_json(document)}


def _checkpoint_path(spec: Mapping[str, Any]) -> str:
    """Return the checkpoint folder relative to ``/opt/ml``; empty if the job has no CheckpointConfig."""
    config = spec.get("CheckpointConfig")
    return (below_root(config.get("LocalPath", "/opt/ml/checkpoints/")) or "") if config else ""


def _checkpoint_folder(spec: Mapping[str, Any]) -> tuple[str, ...]:
    path = _checkpoint_path(spec)
    return (path,) if path else ()


def _checkpoint_input(spec: Mapping[str, Any]) -> tuple[Input, ...]:
    path = _checkpoint_path(spec)
    return (Input("checkpoints", S3Uri.parse(spec["CheckpointConfig"]["S3Uri"]), path),) if path else ()


def _checkpoint_output(spec: Mapping[str, Any]) -> tuple[Output, ...]:
    path = _checkpoint_path(spec)
    uri = S3Uri.parse(spec["CheckpointConfig"]["S3Uri"]) if path else None
    return (Output("checkpoints", path, uri, continuous=True, mirror=True),) if uri else ()
