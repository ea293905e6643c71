"""The hosts of a cluster, their groups, and their shares of data."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.contract.container_environment import ContainerEnvironment, resource_config

pytestmark = pytest.mark.provenance(
    "documented",
    source="API reference: InstanceGroup; developer guide: distributed training",
)

HERE = ContainerEnvironment("123456789012", "us-east-1", "http://localhost", Path("/jobs/job/ml"))


def test_one_host_keeps_the_interface_of_its_image() -> None:
    (host,) = HERE.of_cluster({"InstanceType": "ml.m5.large", "InstanceCount": 1})
    assert (host.host, host.group, host.root, host.share()) == ("algo-1", "", HERE.root, (0, 1))
    assert resource_config("lo", host) == {
        "current_group_name": "homogeneousCluster",
        "current_host": "algo-1",
        "current_instance_type": "ml.m5.large",
        "hosts": ["algo-1"],
        "instance_groups": [
            {"hosts": ["algo-1"], "instance_group_name": "homogeneousCluster", "instance_type": "ml.m5.large"}
        ],
        "network_interface_name": "lo",
    }


def test_hosts_are_sorted_as_text() -> None:
    hosts = HERE.of_cluster({"InstanceType": "ml.m5.large", "InstanceCount": 11})
    config = resource_config("lo", hosts[10])
    assert config["hosts"][:3] == ["algo-1", "algo-10", "algo-11"]
    assert (config["current_host"], config["network_interface_name"]) == ("algo-11", "eth0")
    assert hosts[10].share() == (10, 11)
    assert hosts[10].root == Path("/jobs/job/ml-algo-11")
    assert len({host.group for host in hosts}) == 1


def test_groups_number_their_hosts_through_and_divide_among_themselves() -> None:
    groups = [
        {"InstanceGroupName": "head", "InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
        {"InstanceGroupName": "workers", "InstanceType": "ml.m5.large", "InstanceCount": 2},
    ]
    hosts = HERE.of_cluster({"InstanceGroups": groups, "VolumeSizeInGB": 1})
    assert [(host.host, host.host_group.name) for host in hosts] == [
        ("algo-1", "head"),
        ("algo-2", "workers"),
        ("algo-3", "workers"),
    ]
    assert hosts[2].share() == (2, 3)
    assert hosts[2].share(("workers",)) == (1, 2)
    assert hosts[2].share(("workers", "head")) == (2, 3)
