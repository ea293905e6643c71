"""The networks containers live in: none of them leads out of this machine, and not all lead to the emulator.

An ``internal`` bridge network has no way out; its gateway is this machine, where the emulator has a door or has none.
"""

from __future__ import annotations

import contextlib
import ipaddress
import logging
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from harness.runners.docker.emulator_listener import Adopt, EmulatorListener
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class DockerNetwork:
    id: str
    name: str
    subnet: str
    gateway: str
    device: str
    """Of the bridge, on the host."""
    door: EmulatorListener | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    """By hostname, where they are known before the containers are."""

    @property
    def address(self) -> str:
        """The emulator's, in this network; empty when it cannot be reached from there."""
        return self.door.address if self.door else ""


class Networks:
    """Made when first needed. ``adopt`` has the emulator serve on a listening socket; ``port`` is its own."""

    def __init__(self, engine: DockerEngine, labels: Mapping[str, str], port: int, adopt: Adopt | None) -> None:
        self._engine = engine
        self._labels = dict(labels)
        self._port = port
        self._adopt = adopt
        self._lock = threading.Lock()
        self._open: DockerNetwork | None = None
        self._sealed: DockerNetwork | None = None
        self._groups: dict[str, tuple[DockerNetwork, int]] = {}

    def open(self) -> DockerNetwork:
        """Its containers reach the emulator, and not each other."""
        with self._lock:
            if self._open is None:
                self._open = self._make("open", apart=True, door=True)
            return self._open

    def sealed(self) -> DockerNetwork:
        """Its containers reach nothing; who knows their address reaches them from this machine."""
        with self._lock:
            if self._sealed is None:
                self._sealed = self._make("sealed", apart=True, door=False)
            return self._sealed

    @contextlib.contextmanager
    def group(self, name: str, hosts: Sequence[str], door: bool) -> Iterator[DockerNetwork]:
        """A network of a job's own, whose hosts reach each other; it goes when the last of them has left."""
        with self._lock:
            network, users = self._groups.get(name) or (self._make_group(hosts, door), 0)
            self._groups[name] = (network, users + 1)
        try:
            yield network
        finally:
            with self._lock:
                network, users = self._groups.pop(name)
                if users > 1:
                    self._groups[name] = (network, users - 1)
                else:
                    self._remove(network)

    def close(self) -> None:
        with self._lock:
            for network in (self._open, self._sealed):
                if network is not None:
                    self._remove(network)
            self._open = self._sealed = None

    def _make(self, kind: str, apart: bool, door: bool) -> DockerNetwork:
        return self._completed(self._created(kind, apart, None), door)

    def _make_group(self, hosts: Sequence[str], door: bool) -> DockerNetwork:
        """Made twice: an engine gives containers the addresses it is told to only where it was told the subnet too."""
        found = self._created("group", False, None)
        self._remove(found)
        made = self._created("group", False, found)
        first = ipaddress.ip_address(made.gateway) + 1
        addresses = {host: str(first + number) for number, host in enumerate(hosts)}
        return self._completed(replace(made, addresses=addresses), door)

    def _created(self, kind: str, apart: bool, like: DockerNetwork | None) -> DockerNetwork:
        token = secrets.token_hex(4)
        name, device = f"harness-{kind}-{token}", f"hns-{token}"
        options = {"com.docker.network.bridge.name": device}
        if apart:
            options["com.docker.network.bridge.enable_icc"] = "false"
        pools = [{"Subnet": like.subnet, "Gateway": like.gateway}] if like else []
        ipam = {"Driver": "default", "Config": pools} if pools else None
        client = self._engine.client
        try:
            made = client.create_network(name, "bridge", options, ipam, internal=True, labels=self._labels)
            given: Any = client.inspect_network(made["Id"])["IPAM"]["Config"][0]
        except Exception as error:
            if "address pool" in str(error):
                raise EngineRefusal(
                    "Docker Engine has no addresses left for another network: remove unused ones "
                    "(`docker network prune`)"
                ) from error
            raise refusal_of(error) from error
        return DockerNetwork(made["Id"], name, given["Subnet"], given["Gateway"], device)

    def _completed(self, network: DockerNetwork, door: bool) -> DockerNetwork:
        if not door:
            return network
        try:
            return replace(network, door=EmulatorListener(network.gateway, network.device, self._port, self._adopt))
        except BaseException:
            self._remove(network)
            raise

    def _remove(self, network: DockerNetwork) -> None:
        if network.door is not None:
            network.door.close()
        try:
            self._engine.client.remove_network(network.id)
        except Exception as error:  # it is labelled: the next sweep finds it
            _log.warning("network %s could not be removed: %s", network.name, error)
