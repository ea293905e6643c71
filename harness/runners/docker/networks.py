"""Docker networks of containers: none has access to the outside, and only some give access to the emulator.

They are ``internal`` bridge networks. Their gateway is this machine, where the emulator may have a listener.
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
    """The name of the bridge device on the host."""
    listener: EmulatorListener | None = None
    addresses: Mapping[str, str] = field(default_factory=dict)
    """IP addresses by hostname, for networks that assign them before the containers exist."""

    @property
    def address(self) -> str:
        """The emulator's address in this network; empty if it cannot be reached from there."""
        return self.listener.address if self.listener else ""


class Networks:
    """Networks of one emulator, created when first needed.

    ``adopt`` makes the emulator serve on a listening socket; ``port`` is the emulator's own port.
    """

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
        """Return the network whose containers reach the emulator but not each other."""
        with self._lock:
            if self._open is None:
                self._open = self._make("open", apart=True, reachable=True)
            return self._open

    def sealed_network(self) -> DockerNetwork:
        """Return the network whose containers reach nothing; this machine reaches them by their address."""
        with self._lock:
            if self._sealed is None:
                self._sealed = self._make("sealed", apart=True, reachable=False)
            return self._sealed

    @contextlib.contextmanager
    def group(self, name: str, hosts: Sequence[str], reachable: bool) -> Iterator[DockerNetwork]:
        """Provide a network for the hosts of one job, which reach each other; remove it after the last host left.

        ``reachable`` says whether they reach the emulator too.
        """
        with self._lock:
            network, users = self._groups.get(name) or (self._make_group(hosts, reachable), 0)
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

    def _make(self, kind: str, apart: bool, reachable: bool) -> DockerNetwork:
        return self._open_listener(self._create(kind, apart, None), reachable)

    def _make_group(self, hosts: Sequence[str], reachable: bool) -> DockerNetwork:
        """Create a network with fixed addresses.

        It is created twice: fixed addresses need a network with an explicit subnet, and the first one finds a free one.
        """
        trial = self._create("group", False, None)
        self._remove(trial)
        network = self._create("group", False, trial)
        first = ipaddress.ip_address(network.gateway) + 1
        addresses = {host: str(first + number) for number, host in enumerate(hosts)}
        return self._open_listener(replace(network, addresses=addresses), reachable)

    def _create(self, kind: str, apart: bool, like: DockerNetwork | None) -> DockerNetwork:
        token = secrets.token_hex(4)
        name, device = f"harness-{kind}-{token}", f"hns-{token}"
        options = {"com.docker.network.bridge.name": device}
        if apart:
            options["com.docker.network.bridge.enable_icc"] = "false"
        pools = [{"Subnet": like.subnet, "Gateway": like.gateway}] if like else []
        ipam = {"Driver": "default", "Config": pools} if pools else None
        client = self._engine.client
        try:
            created = client.create_network(name, "bridge", options, ipam, internal=True, labels=self._labels)
            config: Any = client.inspect_network(created["Id"])["IPAM"]["Config"][0]
        except Exception as error:
            if "address pool" in str(error):
                raise EngineRefusal(
                    "Docker Engine has no addresses left for another network: remove unused ones "
                    "(`docker network prune`)"
                ) from error
            raise refusal_of(error) from error
        return DockerNetwork(created["Id"], name, config["Subnet"], config["Gateway"], device)

    def _open_listener(self, network: DockerNetwork, reachable: bool) -> DockerNetwork:
        if not reachable:
            return network
        try:
            return replace(network, listener=EmulatorListener(network.gateway, network.device, self._port, self._adopt))
        except BaseException:
            self._remove(network)
            raise

    def _remove(self, network: DockerNetwork) -> None:
        if network.listener is not None:
            network.listener.close()
        try:
            self._engine.client.remove_network(network.id)
        except Exception as error:  # its labels let the next sweep remove it
            _log.warning("network %s could not be removed: %s", network.name, error)
