"""A ``RunSpec`` as the container to create for it: pure, but for looking which folders there are."""

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
    """By which the next emulator, or the user, finds what this one made."""
    found = {STATE: str(state), EMULATOR: str(os.getpid()), HOST: platform.node()}
    return {**found, RUN: run} if run else found


def creation(
    spec: RunSpec,
    image: str,
    network: DockerNetwork | None,
    limits: Mapping[str, Any],
    resolver: Path,
    own: Mapping[str, str],
) -> dict[str, Any]:
    """The body of the request. Without a network the container has its loopback only."""
    container = spec.container
    if container is None:
        raise EngineRefusal(f"{spec.name} names no image to run in a container")
    host = {
        "NetworkMode": "none" if network is None else network.id,
        "Mounts": [
            *[_mount(source, target) for target, source in _mounts(spec).items()],
            # The engine's own resolver asks the outside even in a network that has none, and lets the container wait.
            *([_mount(resolver, "/etc/resolv.conf", read_only=True)] if network else []),
        ],
        # The output is read as it comes; a second copy in the engine's log files is of no use.
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


def limits(wanted: Resources, engine: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The members of HostConfig, and the line that says what this machine cannot give; empty when it gives all."""
    cpus, memory = float(engine.get("NCPU") or 0), int(engine.get("MemTotal") or 0)
    made: dict[str, Any] = {}
    short = []
    if wanted.cpus and cpus and wanted.cpus > cpus:
        short.append(f"{wanted.cpus:g} vCPU (here: {cpus:g})")
    elif wanted.cpus:
        made["NanoCpus"] = int(wanted.cpus * 1e9)
    if wanted.memory and memory and wanted.memory > memory:
        short.append(f"{wanted.memory / _GIB:g} GiB (here: {memory / _GIB:.1f})")
    elif wanted.memory:
        made["Memory"] = made["MemorySwap"] = wanted.memory
    made["ShmSize"] = (min(wanted.memory or memory, memory or wanted.memory) or 2 * _GIB) // 2
    if wanted.gpus:
        made["DeviceRequests"] = [{"Driver": "", "Count": wanted.gpus, "Capabilities": [["gpu"]]}]
    if not wanted.machine or not short:
        return made, ""
    return made, f"[harness] {wanted.machine} has {' and '.join(short)}: of these the job gets what this machine has"


def _mounts(spec: RunSpec) -> dict[str, Path]:
    """The folders of the root one by one, as the platform does it: what the image has elsewhere in /opt/ml stays."""
    found = {f"{ROOT}/{each.name}": each for each in sorted(spec.root.iterdir())}
    return {**found, **spec.mounts}


def _mount(source: Path, target: str, read_only: bool = False) -> dict[str, Any]:
    return {"Type": "bind", "Source": str(source.absolute()), "Target": target, "ReadOnly": read_only}
