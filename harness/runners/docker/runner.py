"""The Docker runner, which runs jobs as containers; it combines the engine, images, networks and runs."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from harness.runners.docker import containers, leftovers
from harness.runners.docker.emulator_listener import Adopt
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.errors import EngineRefusal, refusal_of
from harness.runners.docker.images import Images
from harness.runners.docker.launch import ApiLauncher, Launcher
from harness.runners.docker.networks import DockerNetwork, Networks
from harness.runners.docker.ownership import give_to_user
from harness.runners.docker.run import DockerRun, StartedContainer
from harness.runners.modes import open_to_all, remove_privileges
from harness.runners.spec import Network as Reach
from harness.runners.spec import OutputSink, RunSpec

_CLOSE_GRACE = 5.0
_RESOLVER = "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n"
"""A resolver that does not exist, so that looking up an unreachable name fails at once."""

_HOSTS = ("NO_PROXY", "PIP_TRUSTED_HOST", "UV_INSECURE_HOST", "no_proxy")
"""Variables that contain lists of hosts, among them the emulator's."""

_log = logging.getLogger(__name__)


class DockerRunner:
    """Runs containers. ``folder`` is the runner's own; ``state`` identifies the emulator in labels.

    ``launcher`` starts the containers; the default is Docker Engine's API.
    """

    def __init__(
        self,
        folder: Path,
        state: Path,
        *,
        engine: DockerEngine,
        images: Images,
        port: int = 0,
        adopt: Adopt | None = None,
        launcher: Launcher | None = None,
        name: str = "docker",
    ) -> None:
        self.name = name
        self._launcher = launcher or ApiLauncher(engine)
        self._folder = folder
        self._state = state
        self._engine = engine
        self._images = images
        self._networks = Networks(engine, containers.labels(state), port, adopt)
        self._runs: dict[int, DockerRun] = {}
        self._lock = threading.Lock()
        self._idle = threading.Condition(self._lock)
        self._closed = False

    def start(self, spec: RunSpec, output: OutputSink) -> DockerRun:
        run = DockerRun(spec, output, self._engine, self._begin, self._forget)
        with self._lock:
            self._runs[id(run)] = run
        return run.start()

    def warm(self, spec: RunSpec) -> None:
        """Create the network, so that the first job need not wait for it, and prepare the launcher."""
        self._launcher.warm()
        with contextlib.suppress(EngineRefusal):
            self._networks.open()

    def address_of(self, address: str) -> str:
        """Return the emulator's address for containers, or ``address`` if there is no engine (no job starts then)."""
        try:
            return self._networks.open().address
        except EngineRefusal:
            return address

    def refuses_several_hosts(self) -> str:
        return ""

    def runs_as(self, uid: int) -> bool:
        return False  # containers come by the listener of their network

    def sweep(self) -> list[str]:
        try:
            return leftovers.sweep(self._engine, self._state)
        except Exception as error:
            _log.warning("Docker Engine could not be searched for leftovers: %s", error)
            return []

    def describe(self) -> Mapping[str, str]:
        try:
            return self._engine.describe()
        except EngineRefusal as refusal:
            return {"Docker Engine": str(refusal)}

    def close(self) -> None:
        with self._lock:
            self._closed = True
            runs = list(self._runs.values())
        for run in runs:
            run.stop(_CLOSE_GRACE)
        until = time.monotonic() + _CLOSE_GRACE + 20
        with self._idle:
            self._idle.wait_for(lambda: not self._runs, max(0.0, until - time.monotonic()))
        self._launcher.close()
        self._networks.close()
        self._engine.close()

    def _begin(self, run: DockerRun) -> StartedContainer:
        if self._closed:
            raise EngineRefusal("the emulator is stopping")
        if run.spec.container is None:
            raise EngineRefusal(f"{run.spec.name} names no image to run in a container")
        image = run.spec.container.image
        with ExitStack() as undo:
            try:
                return self._start_container(run, image, undo)
            except EngineRefusal:
                raise
            except Exception as error:
                raise refusal_of(error, image) from error

    def _start_container(self, run: DockerRun, image: str, undo: ExitStack) -> StartedContainer:
        spec = run.spec
        assert spec.container is not None
        local = self._images.resolve(image, run.tell)
        if run.stopping:
            raise EngineRefusal("it was stopped before it started")
        limits, short = containers.limits(spec.container.resources, self._engine.info())
        for line in (f"[harness] {local.why}" if local.why else "", short):
            if line:
                run.tell(line)
        network = self._network(spec, undo)
        own = containers.labels(self._state, spec.name)
        if network is not None and spec.group and network.address:
            # The job's variables contain the emulator's address in the open network; this network has another one.
            default = self._networks.open().address
            env = _with_address(spec.env, default, network.address)
            spec = replace(spec, env=env)
        body = containers.creation(spec, local.reference, network, limits, self._resolver(), own)
        open_to_all(spec.root, writable=True)
        container, stream = self._launcher.launch(body, containers.container_name(spec), undo)
        address = self._address(container, network) if spec.serves else ""
        folders = (spec.root, *spec.mounts.values())
        for folder in folders:
            undo.callback(remove_privileges, folder)
        undo.callback(give_to_user, self._engine, local.reference, folders, own)
        return StartedContainer(container, stream, image, address, undo.pop_all().close)

    def _network(self, spec: RunSpec, undo: ExitStack) -> DockerNetwork | None:
        assert spec.container is not None
        if spec.group:
            reachable = spec.network is Reach.EMULATOR
            return undo.enter_context(self._networks.group(spec.group, spec.peers, reachable))
        if spec.network is Reach.EMULATOR:
            return self._networks.open()
        return self._networks.sealed_network() if spec.serves else None

    def _address(self, container: str, network: DockerNetwork | None) -> str:
        details: dict[str, Any] = self._engine.client.inspect_container(container)["NetworkSettings"]["Networks"]
        return str(details[network.name]["IPAddress"]) if network and network.name in details else ""

    def _resolver(self) -> Path:
        file = self._folder / "resolv.conf"
        if not file.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            file.write_text(_RESOLVER)
        return file

    def _forget(self, run: DockerRun) -> None:
        with self._idle:
            self._runs.pop(id(run), None)
            self._idle.notify_all()


def _with_address(env: Mapping[str, str], old: str, new: str) -> dict[str, str]:
    """Replace the emulator's address in the variables, and its host in those that list hosts."""
    old_host, new_host = (urlsplit(address).hostname or "" for address in (old, new))
    changed = {name: value.replace(old, new) for name, value in env.items()}
    for name in _HOSTS:
        if name in changed:
            hosts = changed[name].split(",")
            changed[name] = ",".join(new_host if host == old_host else host for host in hosts)
    return changed
