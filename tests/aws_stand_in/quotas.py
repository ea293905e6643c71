"""Service Quotas for machines: told by the API of that name, and kept when something that needs machines is created.

Names are AWS's own. The codes are not: AWS's are arbitrary, and here they are made from the names.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from tests.aws_stand_in.configuration import Configuration
from tests.aws_stand_in.engine import Engine, NotThere
from tests.aws_stand_in.inventory import Inventory, Made
from tests.aws_stand_in.refusals import Refused
from tests.aws_stand_in.understanding import model

USES = {
    "TrainingJob": "training job usage",
    "ProcessingJob": "processing job usage",
    "TransformJob": "transform job usage",
    "Endpoint": "endpoint usage",
}
SPOT = "spot training job usage"
_SHAPES = {
    "training job usage": "TrainingInstanceType",
    SPOT: "TrainingInstanceType",
    "processing job usage": "ProcessingInstanceType",
    "transform job usage": "TransformInstanceType",
    "endpoint usage": "ProductionVariantInstanceType",
}
_COMMON = ("ml.t2.", "ml.t3.", "ml.m5.", "ml.c5.")
ORDINARY, PAGE = 4.0, 100


class Quotas:
    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self.lock = asyncio.Lock()
        """Held from the look at what is in use until the request is through."""

    def value(self, name: str) -> float:
        """Ordinary machines are to be had in a new account, most others are not."""
        return self._configuration.quotas.get(name, ORDINARY if name.startswith(_COMMON) else 0.0)

    async def check(self, kind: str, asked: Mapping[str, Any], inventory: Inventory, engine: Engine) -> None:
        """``Refused`` as AWS words it when the machines are not to be had."""
        wanted = Made(kind, "", "", tuple(_machines(asked)), bool(asked.get("EnableManagedSpotTraining")))
        wanted.config = str(asked.get("EndpointConfigName", ""))
        needed = await _needs(wanted, engine)
        if not needed:
            return
        used: dict[str, int] = {}
        for made in inventory.of(kind):
            for name, count in (await _in_use(made, engine)).items():
                used[name] = used.get(name, 0) + count
        for name, count in needed.items():
            limit, current = self.value(name), used.get(name, 0)
            if current + count > limit:
                raise Refused(
                    "ResourceLimitExceeded",
                    f"The account-level service limit '{name}' is {limit:.0f} Instances, with current utilization of "
                    f"{current} Instances and a request delta of {count} Instances. Please use AWS Service Quotas to "
                    "request an increase for this quota. If AWS Service Quotas is not available, contact AWS support "
                    "to request an increase for this quota.",
                )

    def told(self, operation: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """What the Service Quotas API answers."""
        if asked.get("ServiceCode") != "sagemaker":
            raise Refused("NoSuchResourceException", "The request failed because the specified service does not exist.")
        defaults = "Default" in operation
        if operation in ("GetServiceQuota", "GetAWSDefaultServiceQuota"):
            found = next((name for name in quota_names() if code(name) == asked["QuotaCode"]), None)
            if found is None:
                raise Refused("NoSuchResourceException", "The request failed because the specified quota is unknown.")
            return {"Quota": self._quota(found, defaults)}
        if operation not in ("ListServiceQuotas", "ListAWSDefaultServiceQuotas"):
            raise Refused("AccessDeniedException", f"the stand-in does not have {operation}")
        start, size = int(asked.get("NextToken", "0")), int(asked.get("MaxResults", PAGE))
        names = quota_names()[start : start + size]
        more = {"NextToken": str(start + size)} if start + size < len(quota_names()) else {}
        return {"Quotas": [self._quota(name, defaults) for name in names], **more}

    def _quota(self, name: str, default: bool) -> dict[str, Any]:
        configuration = self._configuration
        arn = f"arn:aws:servicequotas:{configuration.region}:{configuration.account}:sagemaker/{code(name)}"
        return {
            "ServiceCode": "sagemaker",
            "ServiceName": "Amazon SageMaker",
            "QuotaArn": arn,
            "QuotaCode": code(name),
            "QuotaName": name,
            "Value": 0.0 if default else self.value(name),
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


@cache
def quota_names() -> Sequence[str]:
    sagemaker = model("sagemaker")
    return [
        f"{machine} for {use}" for use, shape in _SHAPES.items() for machine in sorted(sagemaker.shape_for(shape).enum)
    ]


def code(name: str) -> str:
    return "L-" + hashlib.sha256(name.encode()).hexdigest()[:8].upper()


def _machines(asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    from harness.aws_run.resource_requests import instances

    return list(instances(asked))


async def _needs(made: Made, engine: Engine) -> dict[str, int]:
    machines: Sequence[Mapping[str, Any]] = made.instances
    if made.kind == "Endpoint":
        try:
            config = await engine.ask("DescribeEndpointConfig", EndpointConfigName=made.config)
        except NotThere:
            return {}
        machines = _machines(config)  # type: ignore[assignment]
    use = SPOT if made.spot else USES[made.kind]
    needed: dict[str, int] = {}
    for each in machines:
        name = f"{each['InstanceType']} for {use}"
        needed[name] = needed.get(name, 0) + int(each["InstanceCount"])
    return needed


async def _in_use(made: Made, engine: Engine) -> dict[str, int]:
    try:
        found = await engine.ask(f"Describe{made.kind}", **{f"{made.kind}Name": made.name})
    except NotThere:
        return {}
    if found.get(f"{made.kind}Status") in ("Completed", "Failed", "Stopped"):
        return {}
    return await _needs(made, engine)
