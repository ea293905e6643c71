"""The requests to Docker Engine that create the container of a ``RunSpec``."""

from __future__ import annotations

import os
import platform
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.runners.docker.errors import EngineRefusal
from harness.runners.docker.networks import DockerNetwork
from harness.runners.spec import Resources, RunSpec

ROOT = "/opt/ml"
STATE, RUN, EMULATOR, HOST = "harness.state", "harness.run", "harness.emulator", "harness.host"
_GIB = 1 << 30


def labels(state: Path, run: str = "") -> dict[str, str]:
    """Return labels that identify containers and networks of this emulator, so that they can be cleaned up later."""
    common = {STATE: str(state), EMULATOR: str(os.getpid()), HOST: platform.node()}
    return {**common, RUN: run} if run else common


def creation(
    spec: RunSpec,
    image: str,
    network: DockerNetwork | None,
    limits: Mapping[str, Any],
    resolver: Path,
    own: Mapping[str, str],
) -> dict[str, Any]:
    """Return the body of the create request. Without a network, the container has only its loopback interface."""
    container = spec.container
    if container is None:
        raise EngineRefusal(f"{spec.name} names no image to run in a container")
    host = {
        "NetworkMode": "none" if network is None else network.id,
        "Mounts": [
            *[_mount(source, target) for target, source in _mounts(spec).items()],
            # The engine's resolver forwards queries even in a network without a way out, which lets programs wait.
            *([_mount(resolver, "/etc/resolv.conf", read_only=True)] if network else []),
        ],
        # The output is read from the attached stream, so the engine need not write log files.
        "LogConfig": {"Type": "none", "Config": {}},
        **limits,
    }
    body: dict[str, Any] = {
        "Image": image,
        "Hostname": spec.hostname,
        "Env": [f"{name}={value}" for name, value in spec.env.items()],
        "Labels": dict(own),
        "AttachStdout": True,
        "AttachStderr": True,
        "HostConfig": host,
    }
    if container.entrypoint is not None:
        body["Entrypoint"] = list(container.entrypoint)
    if container.arguments is not None:
        body["Cmd"] = list(container.arguments)
    if spec.cwd != "/":
        body["WorkingDir"] = spec.cwd
    if network and network.addresses:
        address = {"IPv4Address": network.addresses[spec.hostname]}
        body["NetworkingConfig"] = {"EndpointsConfig": {network.id: {"IPAMConfig": address}}}
        host["ExtraHosts"] = [f"{name}:{at}" for name, at in network.addresses.items() if name != spec.hostname]
    return body


def container_name(spec: RunSpec) -> str:
    safe = re.sub(r"[^A-Za-z0-9_.-]", "-", spec.name)[:100]
    return f"harness-{safe}-{spec.hostname}-{secrets.token_hex(3)}"


def limits(requested: Resources, engine: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the resource limits for HostConfig, and a line about what this machine lacks (empty if nothing)."""
    cpus, memory = float(engine.get("NCPU") or 0), int(engine.get("MemTotal") or 0)
    config: dict[str, Any] = {}
    short = []
    if requested.cpus and cpus and requested.cpus > cpus:
        short.append(f"{requested.cpus:g} vCPU (here: {cpus:g})")
    elif requested.cpus:
        config["NanoCpus"] = int(requested.cpus * 1e9)
    if requested.memory and memory and requested.memory > memory:
        short.append(f"{requested.memory / _GIB:g} GiB (here: {memory / _GIB:.1f})")
    elif requested.memory:
        config["Memory"] = config["MemorySwap"] = requested.memory
    config["ShmSize"] = (min(requested.memory or memory, memory or requested.memory) or 2 * _GIB) // 2
    if requested.gpus:
        config["DeviceRequests"] = [{"Driver": "", "Count": requested.gpus, "Capabilities": [["gpu"]]}]
    if not requested.machine or not short:
        return config, ""
    return config, f"[harness] {requested.machine} has {' and '.join(short)}: the job gets only what this machine has"


def _mounts(spec: RunSpec) -> dict[str, Path]:
    """Return target -> source. Folders below /opt/ml are mounted one by one, so that the image's own files stay."""
    folders = {f"{ROOT}/{each.name}": each for each in sorted(spec.root.iterdir())}
    return {**folders, **spec.mounts}


def _mount(source: Path, target: str, read_only: bool = False) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source.absolute()), "Target": target, "ReadOnly": read_only}
