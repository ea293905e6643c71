"""The environment variables and the host information that every container gets."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.contract.package_access import package_environment

HOMOGENEOUS = "homogeneousCluster"
"""The name of the group of a job whose instances are all of one type."""


@dataclass(frozen=True)
class HostGroup:
    """An instance group of a heterogeneous cluster, or all hosts of a job."""

    name: str
    instance_type: str
    hosts: tuple[str, ...]


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
    host_groups: tuple[HostGroup, ...] = ()

    @property
    def host_group(self) -> HostGroup:
        return next(group for group in self.host_groups if self.host in group.hosts)

    def share(self, groups: Collection[str] = ()) -> tuple[int, int]:
        """Return ``(index, count)``: this host's share of data that is divided among the hosts, or those of groups."""
        hosts = [host for group in self.host_groups for host in group.hosts if not groups or group.name in groups]
        return hosts.index(self.host), len(hosts)

    @property
    def group(self) -> str:
        """Return an identifier that the hosts of one job share. Empty for a job with one host."""
        return str(self.root.parent) if len(self.hosts) > 1 else ""

    def of_cluster(self, cluster: Mapping[str, Any]) -> tuple[ContainerEnvironment, ...]:
        """Return the environments of all hosts of a ResourceConfig or ClusterConfig, one group after the other.

        The first keeps this root, the others get a folder next to it.
        """
        groups = _host_groups(cluster)
        hosts = tuple(host for group in groups for host in group.hosts)
        first, *others = hosts
        beside = (replace(self, root=self.root.with_name(f"{self.root.name}-{host}"), host=host) for host in others)
        return tuple(replace(where, hosts=hosts, host_groups=groups) for where in (replace(self, host=first), *beside))


def _host_groups(cluster: Mapping[str, Any]) -> tuple[HostGroup, ...]:
    found: list[HostGroup] = []
    number = 1
    for group in cluster.get("InstanceGroups") or [{"InstanceGroupName": HOMOGENEOUS, **cluster}]:
        count = group.get("InstanceCount", 1)
        hosts = tuple(f"algo-{host}" for host in range(number, number + count))
        found.append(HostGroup(group["InstanceGroupName"], group["InstanceType"], hosts))
        number += count
    return tuple(found)


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


def resource_config(network_interface: str, where: ContainerEnvironment) -> Mapping[str, Any]:
    """Return ``resourceconfig.json``. Several hosts are connected by ``eth0``, whatever runner runs them."""
    return {
        "current_group_name": where.host_group.name,
        "current_host": where.host,
        "current_instance_type": where.host_group.instance_type,
        "hosts": sorted(where.hosts),
        "instance_groups": [
            {
                "hosts": sorted(group.hosts),
                "instance_group_name": group.name,
                "instance_type": group.instance_type,
            }
            for group in where.host_groups
        ],
        "network_interface_name": "eth0" if where.group else network_interface,
    }
