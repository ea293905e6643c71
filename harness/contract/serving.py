"""Environment and command of the model server of one container, for endpoints and batch transform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.contract.catalog import HARNESS_ENVIRONMENT
from harness.contract.container_environment import ContainerEnvironment, networked_environment, platform_environment
from harness.contract.containers import Command, ImageProtocol
from harness.kernel.records import Record
from harness.runners.spec import Network, RunSpec

STOP_GRACE = 30.0
START_TIMEOUT = 240.0


def endpoint_log_group(endpoint: str) -> str:
    return f"/aws/sagemaker/Endpoints/{endpoint}"


def container_of(model: Record) -> Mapping[str, Any]:
    """Return the container of a model: PrimaryContainer, or the only entry of Containers."""
    primary: Mapping[str, Any] = model.spec.get("PrimaryContainer") or model.spec["Containers"][0]
    return primary


def model_data(container: Mapping[str, Any]) -> tuple[str, bool] | None:
    """Return ``(S3 URI, is_archive)`` of a container's model data; None if it has no model data."""
    source = container.get("ModelDataSource", {}).get("S3DataSource")
    if source:
        return source["S3Uri"], source.get("CompressionType", "None") == "Gzip"
    return (container["ModelDataUrl"], True) if container.get("ModelDataUrl") else None


def serve_spec(
    name: str,
    model: Record,
    image: ImageProtocol,
    where: ContainerEnvironment,
    instance_type: str,
    extra: Mapping[str, str] | None = None,
) -> RunSpec:
    """Return how to run ``serve`` in the model's image. ``extra`` variables override the model's own."""
    container = container_of(model)
    isolated = bool(model.spec.get("EnableNetworkIsolation"))
    network = {} if isolated else networked_environment(where)
    base = RunSpec(
        name=name,
        argv=(),
        environment=HARNESS_ENVIRONMENT,
        root=where.root,
        env={**platform_environment(where), **network, **container.get("Environment", {}), **(extra or {})},
        hostname=container.get("ContainerHostname", "algo-1"),
        network=Network.ISOLATED if isolated else Network.EMULATOR,
        grace=STOP_GRACE,
        serves=True,
    )
    return image.command_spec(base, Command("serve", instance_type))
