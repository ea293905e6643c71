"""Fleets: the live model servers of an endpoint, by variant; starting, watching and stopping them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from harness.contract.serving import START_TIMEOUT, STOP_GRACE, endpoint_log_group
from harness.engine.components import Components
from harness.engine.hosting.instances import Instance
from harness.engine.hosting.model_servers import NotHealthy, await_ping, start_server
from harness.engine.jobs.failures import JobFailed, internal_reason
from harness.kernel.records import Key, Record


@dataclass(frozen=True)
class VariantSpec:
    """One variant as the endpoint's configuration and later weight changes want it."""

    name: str
    model: Mapping[str, Any]
    """The model as it was when the endpoint was made to want it."""
    count: int
    weight: float
    timeout: float = START_TIMEOUT
    least_outstanding: bool = False
    instance_type: str = ""

    @classmethod
    def of(cls, variant: Mapping[str, Any]) -> VariantSpec:
        return cls(
            variant["VariantName"],
            variant["Model"],
            variant.get("InitialInstanceCount", 1),
            variant.get("InitialVariantWeight", 1.0),
            float(variant.get("ContainerStartupHealthCheckTimeoutInSeconds", START_TIMEOUT)),
            variant.get("RoutingConfig", {}).get("RoutingStrategy") == "LEAST_OUTSTANDING_REQUESTS",
            variant.get("InstanceType", ""),
        )


@dataclass
class InstanceSet:
    """Instances by variant, and the weights that share the traffic. Replaced as a whole by an update."""

    generation: str
    weights: dict[str, float] = field(default_factory=dict)
    instances: dict[str, list[Instance]] = field(default_factory=dict)
    least_outstanding: frozenset[str] = frozenset()
    """Variants whose requests go to the least busy instance."""

    def all(self) -> list[Instance]:
        return [instance for group in self.instances.values() for instance in group]


class FleetFailed(Exception):
    """The fleet did not come up; ``reason`` is the endpoint's FailureReason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def start_fleet(
    components: Components, key: Key, generation: str, variants: Sequence[VariantSpec], ended: threading.Event
) -> InstanceSet:
    """All instances of all variants, started together; ``FleetFailed`` (with nothing left running) if one fails."""
    fleet = InstanceSet(generation, {variant.name: variant.weight for variant in variants})
    fleet.least_outstanding = frozenset(variant.name for variant in variants if variant.least_outstanding)
    todo = [variant for variant in variants for _ in range(variant.count)]
    if not todo:
        return fleet
    with ThreadPoolExecutor(len(todo), thread_name_prefix="fleet") as pool:
        futures = [(variant, pool.submit(start_instance, components, key, variant, ended)) for variant in todo]
    failures = [failure for _, future in futures if (failure := future.exception()) is not None]
    for variant, future in futures:
        if future.exception() is None:
            fleet.instances.setdefault(variant.name, []).append(future.result())
    if failures:
        stop_fleet(fleet)
        first = failures[0]
        raise first if isinstance(first, FleetFailed) else FleetFailed(internal_reason(first, f"endpoint {key.name}"))
    return fleet


def start_instance(components: Components, key: Key, variant: VariantSpec, ended: threading.Event) -> Instance:
    """One healthy server of a variant."""
    model = Record(Key("model", key.account, key.region, variant.name), "", variant.model)
    group = endpoint_log_group(key.name)
    instance = f"i-{uuid.uuid4().hex[:17]}"
    log = components.logs.open(group, f"{variant.name}/{instance}", key.account, key.region)
    try:
        server = start_server(components, model, log, instance, variant.instance_type)
    except JobFailed as failure:
        log.line(f"[harness] {failure.reason}")
        log.close()
        raise FleetFailed(failure.reason) from failure
    try:
        await_ping(server, variant.timeout, ended.is_set)
    except NotHealthy as error:
        server.stop(1.0)
        summary = (
            f"The primary container for production variant {variant.name} did not pass the ping health check. Please "
            f"check CloudWatch logs for this endpoint. ({error})"
        )
        raise FleetFailed(error.reason(summary)) from error
    return Instance(server)


def stop_fleet(fleet: InstanceSet, grace: float = STOP_GRACE) -> None:
    stop_instances(fleet.all(), grace)
    fleet.instances.clear()


def stop_instances(instances: Sequence[Instance], grace: float) -> None:
    if instances:
        with ThreadPoolExecutor(len(instances), thread_name_prefix="stop") as pool:
            list(pool.map(lambda instance: instance.stop(grace), instances))
