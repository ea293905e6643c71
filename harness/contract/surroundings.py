"""The environment variables and host facts that every container gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Surroundings:
    """Where a job runs: whose it is, how it reaches the emulator, and the folder that becomes its ``/opt/ml``."""

    account: str
    region: str
    endpoint_url: str
    root: Path


def platform_environment(where: Surroundings) -> dict[str, str]:
    """Set in every container: region, and credentials and address by which its own AWS calls reach the emulator."""
    return {
        "AWS_REGION": where.region,
        "AWS_DEFAULT_REGION": where.region,
        "AWS_ENDPOINT_URL": where.endpoint_url,
        "AWS_ACCESS_KEY_ID": where.account,
        "AWS_SECRET_ACCESS_KEY": "harness",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "PYTHONUNBUFFERED": "1",
        # How long OpenMP threads spin before they sleep. By default for milliseconds: on a busy machine they take the
        # processors from each other (xgboost then trains 50 times slower); not at all doubles the time on an idle one.
        "GOMP_SPINCOUNT": "10000",
    }


def resource_config(instance_type: str, host: str = "algo-1") -> Mapping[str, Any]:
    return {
        "current_group_name": "homogeneousCluster",
        "current_host": host,
        "current_instance_type": instance_type,
        "hosts": [host],
        "instance_groups": [
            {"hosts": [host], "instance_group_name": "homogeneousCluster", "instance_type": instance_type}
        ],
        "network_interface_name": "lo",
    }
