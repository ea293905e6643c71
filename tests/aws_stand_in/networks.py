"""What the profile names beside SageMaker: subnets and security groups of EC2, keys of KMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.aws_stand_in.configuration import Configuration
from tests.aws_stand_in.refusals import Refused


def network_told(operation: str, asked: Mapping[str, Any], configuration: Configuration) -> dict[str, Any]:
    """What EC2 answers."""
    if operation == "DescribeSubnets":
        found = _known("InvalidSubnetID.NotFound", "subnet ID", asked.get("SubnetIds", ()), configuration)
        subnets = [
            {"subnetId": each, "vpcId": vpc, "state": "available", "availableIpAddressCount": 100}
            for each, vpc in found.items()
        ]
        return {"subnetSet": subnets}
    if operation == "DescribeSecurityGroups":
        found = _known("InvalidGroup.NotFound", "security group", asked.get("GroupIds", ()), configuration)
        groups = [{"groupId": each, "groupName": each, "vpcId": vpc} for each, vpc in found.items()]
        return {"securityGroupInfo": groups}
    raise Refused("UnauthorizedOperation", f"the stand-in does not have {operation}", 403)


def key_told(operation: str, asked: Mapping[str, Any], configuration: Configuration) -> dict[str, Any]:
    """What KMS answers."""
    if operation != "DescribeKey":
        raise Refused("AccessDeniedException", f"the stand-in does not have {operation}")
    name = asked["KeyId"].rpartition("/")[2]
    arn = f"arn:aws:kms:{configuration.region}:{configuration.account}:key/{name}"
    if name not in configuration.encryption:
        raise Refused("NotFoundException", f"Key '{arn}' does not exist")
    state = configuration.encryption[name]
    key = {"KeyId": name, "Arn": arn, "KeyState": state, "Enabled": state == "Enabled", "KeyUsage": "ENCRYPT_DECRYPT"}
    return {"KeyMetadata": key}


def _known(code: str, noun: str, wanted: Any, configuration: Configuration) -> dict[str, str]:
    for each in wanted:
        if each not in configuration.networks:
            raise Refused(code, f"The {noun} '{each}' does not exist")
    return {each: configuration.networks[each] for each in wanted}
