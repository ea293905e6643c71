"""The environment variables and the host information that every container gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.contract.package_access import package_environment


@dataclass(frozen=True)
class ContainerEnvironment:
    """The surroundings of one job: its account, the emulator's address, and the folder that becomes its ``/opt/ml``."""

    account: str
    region: str
    endpoint_url: str
    root: Path
    host: str = "algo-1"
    hosts: tuple[str, ...] = ("algo-1",)
    secret: str = "harness"
    """The secret access key that signs the job's AWS calls."""
    packages: str = ""
    """The name by which the package index knows the job."""

    @property
    def share(self) -> tuple[int, int]:
        """Return ``(index, count)``: this host's share of data that is divided among the hosts."""
        return self.hosts.index(self.host), len(self.hosts)

    @property
    def group(self) -> str:
        """Return an identifier that the hosts of one job share. Empty for a job with one host."""
        return str(self.root.parent) if len(self.hosts) > 1 else ""

    def of_hosts(self, count: int) -> tuple[ContainerEnvironment, ...]:
        """Return the environments of all hosts. The first keeps this root, the others get a folder next to it."""
        hosts = tuple(f"algo-{number}" for number in range(1, count + 1))
        first, *others = hosts
        beside = (replace(self, root=self.root.with_name(f"{self.root.name}-{host}"), host=host) for host in others)
        return tuple(replace(where, hosts=hosts) for where in (replace(self, host=first), *beside))


def platform_environment(where: ContainerEnvironment) -> dict[str, str]:
    """Return the variables of every container: region, and the credentials and address for calls to the emulator."""
    return {
        "AWS_REGION": where.region,
        "AWS_DEFAULT_REGION": where.region,
        "AWS_ENDPOINT_URL": where.endpoint_url,
        "AWS_ACCESS_KEY_ID": where.account,
        "AWS_SECRET_ACCESS_KEY": where.secret,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_EXECUTION_ENV": "AWS_ECS_EC2",
        "PYTHONUNBUFFERED": "1",
        # How long OpenMP threads spin before they sleep. The default is milliseconds: on a busy machine threads then
        # take the processors from each other (xgboost trains 50 times slower). Zero doubles the time on an idle one.
        "GOMP_SPINCOUNT": "10000",
    }


def networked_environment(where: ContainerEnvironment) -> dict[str, str]:
    """Set in containers without network isolation, besides what all get."""
    return package_environment(where.endpoint_url, where.packages or "job", where.hosts)


def resource_config(instance_type: str, network_interface: str, where: ContainerEnvironment) -> Mapping[str, Any]:
    """Return ``resourceconfig.json``. Several hosts are connected by ``eth0``, whatever runner runs them."""
    hosts = sorted(where.hosts)
    return {
        "current_group_name": "homogeneousCluster",
        "current_host": where.host,
        "current_instance_type": instance_type,
        "hosts": hosts,
        "instance_groups": [
            {"hosts": hosts, "instance_group_name": "homogeneousCluster", "instance_type": instance_type}
        ],
        "network_interface_name": "eth0" if where.group else network_interface,
    }
