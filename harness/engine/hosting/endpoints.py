"""Endpoints after the answer: ``reconcile`` makes the running servers match the record, whatever changed it.

Update is the same function as create: start the new set, swap, stop the old. A server that died is started again.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any

from harness.contract.capture import CaptureRules
from harness.contract.serving import STOP_GRACE, endpoint_log_group
from harness.engine.components import Components
from harness.engine.hosting.capture import Capture
from harness.engine.hosting.endpoint_descriptions import described_capture, described_variant
from harness.engine.hosting.instance_sets import (
    FleetFailed,
    InstanceSet,
    VariantSpec,
    start_fleet,
    start_instance,
    stop_fleet,
)
from harness.engine.hosting.instances import Instance
from harness.engine.lifecycle import move
from harness.kernel.records import Key, Record
from harness.stores.records import RecordMissing

log = logging.getLogger(__name__)

WATCH_INTERVAL = 0.2
CLOSE_GRACE = 2.0
KILL_SECONDS = 10.0
RETRY_PAUSE = 10.0
"""Seconds until an instance is tried again whose replacement did not come up, while others serve."""
LAST_ANSWERS = 60.0
"""Seconds that an instance replaced has for the answers it still owes."""


@dataclass
class RunningEndpoint:
    """The running instances of one endpoint. ``fleet`` and ``capture`` are replaced as a whole, never changed."""

    fleet: InstanceSet | None = None
    capture: Capture | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)
    ended: threading.Event = field(default_factory=threading.Event)
    restarts: int = 0
    restarting: bool = False
    """Dead servers are being replaced, or wait until another change of the endpoint is through."""
    retry: float = math.inf
    """When, on the monotonic clock, those are tried again that did not come up."""


class Endpoints:
    def __init__(self, components: Components) -> None:
        self._components = components
        self._live: dict[Key, RunningEndpoint] = {}
        self._pool = ThreadPoolExecutor(8, thread_name_prefix="endpoint")
        self._retirement = ThreadPoolExecutor(8, thread_name_prefix="retire")
        self._retiring: set[Instance] = set()
        self._closed = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="endpoint-watch", daemon=True)
        self._watcher.start()

    def live(self, key: Key) -> RunningEndpoint | None:
        return self._live.get(key)

    def reconcile(self, key: Key) -> None:
        record = self._components.records.find(key)
        if record is not None and record.state == "Deleting" and key in self._live:
            self._live[key].ended.set()  # a start that is under way gives up
        self._pool.submit(self._reconcile_logged, key)

    def recover(self) -> None:
        """After a start of the emulator: endpoints that were in service get their servers back."""
        for record in list(self._components.records.scan("endpoint")):
            status = record.state
            if status == "InService":
                self._components.records.change(record.key, lambda current: move(current, "SystemUpdating"))
            if status != "Failed":
                self.reconcile(record.key)

    def kill_servers(self, key: Key, variant: str) -> int:
        """Kill model servers as if their hosts had failed: the watch thread notices, and starts others."""
        live = self._live.get(key)
        fleet = live.fleet if live else None
        instances = fleet.instances if fleet else {}
        struck = [each for name, current in instances.items() if variant in ("", name) for each in list(current)]
        for instance in struck:
            instance.server.run.kill()
            instance.server.run.wait(KILL_SECONDS)
        return len(struck)

    def flush(self) -> None:
        for live in list(self._live.values()):
            if live.capture is not None:
                live.capture.flush()

    def flush_if_due(self) -> None:
        for live in list(self._live.values()):
            if live.capture is not None:
                live.capture.flush_if_due()

    def close(self) -> None:
        self._closed.set()
        for live in self._live.values():
            live.ended.set()
        self._pool.shutdown(wait=True)
        for instance in list(self._retiring):
            instance.server.run.stop(CLOSE_GRACE)
        self._retirement.shutdown(wait=True)
        self.flush()
        for live in self._live.values():
            if live.fleet is not None:
                stop_fleet(live.fleet, CLOSE_GRACE)
        self._live.clear()

    def _reconcile_logged(self, key: Key) -> None:
        try:
            live = self._live.setdefault(key, RunningEndpoint())
            with live.lock:
                self._reconcile(key, live)
        except Exception:
            log.exception("endpoint %s", key)

    def _reconcile(self, key: Key, live: RunningEndpoint) -> None:
        record = self._components.records.find(key)
        if record is None or record.state == "Deleting":
            self._remove(key, live)
            return
        if record.state not in ("Creating", "Updating", "SystemUpdating"):
            return
        self._components.logs.ensure_group(endpoint_log_group(key.name), key.account, key.region)
        target = record.inner["wanted"]
        try:
            self._bring_up(key, live, target)
        except FleetFailed as failure:
            if not self._closed.is_set():  # else it is tried again when the emulator starts again
                self._fall_back(key, live, record, failure.reason)
        else:
            self._change(key, lambda current: _in_service(current, target))

    def _fall_back(self, key: Key, live: RunningEndpoint, record: Record, reason: str) -> None:
        """A first start that fails is Failed; a failed update goes back to what served before, and says why."""
        active = record.inner.get("active")
        if active is None or record.state != "Updating":
            self._change(key, lambda current: move(current, "Failed", FailureReason=reason))
            return
        try:
            # Usually it still runs: then this ends surplus instances only. It does not when the emulator was started
            # anew in the middle of the update.
            self._bring_up(key, live, active)
        except FleetFailed:
            self._change(key, lambda current: move(current, "Failed", FailureReason=reason))
        else:
            self._change(key, lambda current: _back_in_service(current, active, reason))

    def _bring_up(self, key: Key, live: RunningEndpoint, target: Mapping[str, Any]) -> None:
        variants = [VariantSpec.of(item) for item in target["variants"]]
        old = live.fleet
        if old is not None and old.generation == target["generation"]:
            self._resize(key, live, old, variants)
            return
        live.fleet = start_fleet(self._components, key, target["generation"], variants, live.ended)
        self._swap_capture(key, live, target)
        if old is not None:
            self._retire(old.all())

    def _resize(self, key: Key, live: RunningEndpoint, fleet: InstanceSet, variants: list[VariantSpec]) -> None:
        """The same configuration with other weights or counts: only the difference is started or stopped."""
        surplus: list[Instance] = []
        for target in variants:
            running = fleet.instances.setdefault(target.name, [])
            for _ in range(target.count - len(running)):
                running.append(start_instance(self._components, key, target, live.ended))
            surplus += running[target.count :]
            fleet.instances[target.name] = running[: target.count]
        fleet.weights = {target.name: target.weight for target in variants}
        self._retire(surplus)

    def _retire(self, instances: list[Instance]) -> None:
        """Stop instances in the background. They get no new request; requests in progress are answered first."""
        self._retiring.update(instances)
        for instance in instances:
            self._retirement.submit(self._end, instance)

    def _end(self, instance: Instance) -> None:
        until = time.monotonic() + LAST_ANSWERS
        # The first pause is for a request that chose it in the very moment it was replaced.
        while not self._closed.wait(0.02) and instance.outstanding and time.monotonic() < until:
            continue
        instance.stop(CLOSE_GRACE if self._closed.is_set() else STOP_GRACE)
        self._retiring.discard(instance)

    def _swap_capture(self, key: Key, live: RunningEndpoint, target: Mapping[str, Any]) -> None:
        old, rules = live.capture, CaptureRules.of(target.get("capture"))
        aws = self._components.aws
        live.capture = Capture(key.name, rules, lambda: aws.objects(key.account, key.region)) if rules else None
        if old is not None:
            old.flush()

    def _remove(self, key: Key, live: RunningEndpoint) -> None:
        live.ended.set()
        fleet, live.fleet = live.fleet, None
        self._live.pop(key, None)
        if live.capture is not None:
            live.capture.flush()
        if fleet is not None:
            stop_fleet(fleet)
        try:
            self._components.records.delete(key)
        except RecordMissing:
            return

    def _change(self, key: Key, change: Any) -> None:
        """A record being deleted meanwhile wins: its own reconcile follows."""
        try:
            self._components.records.change(
                key, lambda current: current if current.state == "Deleting" else change(current)
            )
        except RecordMissing:
            return

    def _watch(self) -> None:
        while not self._closed.wait(WATCH_INTERVAL):
            for key, live in list(self._live.items()):
                fleet = live.fleet
                if fleet is None or live.restarting or live.ended.is_set():
                    continue
                if time.monotonic() >= live.retry or not all(each.server.alive() for each in fleet.all()):
                    live.restarting = True  # once: repeated requests would take all of the pool's threads
                    self._pool.submit(self._restart_logged, key, live)

    def _restart_logged(self, key: Key, live: RunningEndpoint) -> None:
        try:
            self._restart_dead(key, live)
        except Exception:
            log.exception("endpoint %s", key)
        finally:
            live.restarting = False

    def _restart_dead(self, key: Key, live: RunningEndpoint) -> None:
        """Replaces dead servers one by one; each death and each replacement is a line of the endpoint's log.

        One that does not come up while others serve is tried again after a pause.
        """
        with live.lock:
            fleet = live.fleet
            record = self._components.records.find(key)
            if fleet is None or record is None or live.ended.is_set():
                return
            again, live.retry = time.monotonic() >= live.retry, math.inf
            for item in record.inner["wanted"]["variants"]:
                target = VariantSpec.of(item)
                for dead in [i for i in fleet.instances.get(target.name, []) if not i.server.alive()]:
                    self._replace(key, live, fleet, target, dead)
                if again and record.state == "InService" and fleet is live.fleet:
                    self._complete(key, live, fleet, target)

    def _complete(self, key: Key, live: RunningEndpoint, fleet: InstanceSet, target: VariantSpec) -> None:
        for _ in range(target.count - len(fleet.instances[target.name])):
            self._start_another(key, live, fleet, target)

    def _replace(
        self, key: Key, live: RunningEndpoint, fleet: InstanceSet, target: VariantSpec, dead: Instance
    ) -> None:
        outcome = dead.server.run.wait(0)
        code = outcome.code if outcome is not None else "unknown"
        who = f"instance {dead.server.name} of variant {target.name}"
        text = f"[harness] {who} ended with code {code}; starting another"
        log.warning("endpoint %s: %s", key.name, text)
        dead.server.log.line(text)
        dead.stop(0)
        fleet.instances[target.name].remove(dead)
        live.restarts += 1
        self._change(key, lambda current: replace(current, inner={**current.inner, "restarts": live.restarts}))
        self._start_another(key, live, fleet, target)

    def _start_another(self, key: Key, live: RunningEndpoint, fleet: InstanceSet, target: VariantSpec) -> None:
        try:
            fleet.instances[target.name].append(start_instance(self._components, key, target, live.ended))
        except FleetFailed as failure:
            reason = failure.reason
            live.retry = time.monotonic() + RETRY_PAUSE
            log.warning("endpoint %s: variant %s: %s", key.name, target.name, reason)
            if not fleet.instances[target.name] and not self._closed.is_set():
                live.fleet = None
                self._change(key, lambda current: move(current, "Failed", FailureReason=reason))
                self._retire(fleet.all())  # what the other variants still run


def _in_service(record: Record, target: Mapping[str, Any]) -> Record:
    moved = move(
        record,
        "InService",
        EndpointConfigName=target["config"],
        ProductionVariants=[described_variant(item) for item in target["variants"]],
        **described_capture(target.get("capture")),
    )
    status = {name: value for name, value in moved.status.items() if name != "FailureReason"}
    return replace(moved, status=status, inner={**moved.inner, "active": target})


def _back_in_service(record: Record, active: Mapping[str, Any], reason: str) -> Record:
    return replace(move(record, "InService", FailureReason=reason), inner={**record.inner, "wanted": active})
