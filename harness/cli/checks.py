"""The checks of ``harness doctor``: each looks at one thing and describes it. They change nothing."""

from __future__ import annotations

import os
import platform
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.clients import emulator_process
from harness.kernel.cache import cache_folder
from harness.kernel.errors import StateError
from harness.profiles.sdk_environments import V3, is_installed, own_generation
from harness.runners.process.environments import Environments
from harness.runners.process.errors import EnvironmentMissing
from harness.runners.process.host import Host, Roots, examine
from harness.runners.process.host_links import JobLinks
from harness.runners.uv import find_uv
from harness.settings import Settings

OLDEST = (3, 10)
LOW_DISK_GB = 2.0
_FORCED = "HARNESS_ROOTS"


@dataclass(frozen=True)
class DoctorFinding:
    """``state`` is ok, limited (works, with something missing or slower) or unfit."""

    name: str
    state: str
    found: str
    remedy: str = ""


def examine_machine(settings: Settings) -> list[DoctorFinding]:
    with tempfile.TemporaryDirectory(prefix="harness-doctor-") as scratch:
        forced = os.environ.get(_FORCED)
        host = examine(Path(scratch), Roots(forced) if forced else None)
    return [
        _python(),
        _uv(),
        *_generations(),
        *_jobs(host),
        _admin_interface(host),
        _offline(host),
        _state_folder(settings),
        _port(settings),
        _disk("disk for state", _existing(settings.state)),
        _disk("disk for environments", _existing(cache_folder("environments"))),
        *_docker(settings),
        _localstack(settings),
    ]


def _python() -> DoctorFinding:
    version = platform.python_version()
    if sys.version_info < OLDEST:
        return DoctorFinding("Python", "unfit", version, "use Python 3.10 or later")
    return DoctorFinding("Python", "ok", f"{version} ({sys.executable})")


def _uv() -> DoctorFinding:
    uv = find_uv()
    if uv is None:
        return DoctorFinding("uv", "limited", "not found: no other environments can be built", "pip install uv")
    return DoctorFinding("uv", "ok", uv)


def _generations() -> Iterator[DoctorFinding]:
    own = own_generation()
    if own == "v2":
        yield DoctorFinding("SageMaker SDK v2", "ok", "in the harness's own environment")
    else:
        # Whoever has put v3 over it did so on purpose, for tests of code on v3.
        instead = f"; {own} is: tests and programs on {own} run, scenarios of v2 do not" if own else ""
        state = f"not installed here{instead}"
        yield DoctorFinding("SageMaker SDK v2", "limited", state, "pip install 'sagemaker[local]>=2.257,<3'")
    if is_installed("v3"):
        yield DoctorFinding("SageMaker SDK v3", "ok", "in an environment of its own")
    else:
        remedy = f"harness images pull {V3.name}"
        yield DoctorFinding(
            "SageMaker SDK v3", "limited", "its environment is built when a scenario first needs it", remedy
        )


def _jobs(host: Host) -> Iterator[DoctorFinding]:
    """How a job gets what a container would give it, in the runner's own words."""
    remedies = {
        Roots.PROOT: "for full speed allow user namespaces (sysctl kernel.unprivileged_userns_clone=1, or run as root)",
        Roots.ENVIRONMENT: "allow user namespaces, or install proot: until then programs that need /opt/ml are refused",
    }
    for name, state in host.describe().items():
        limited = name == "/opt/ml" and host.roots is not Roots.NAMESPACE
        limited = limited or (name == "network isolation" and not host.isolates_network)
        limited = limited or (name == "host files" and host.roots is not Roots.NAMESPACE)
        remedy = remedies.get(host.roots, "") if name == "/opt/ml" else ""
        yield DoctorFinding(f"jobs: {name}", "limited" if limited else "ok", state, remedy)
    refusal = JobLinks().refusal(host)
    state = refusal or "a network namespace for each host, connected by a bridge"
    yield DoctorFinding("jobs: several instances", "limited" if refusal else "ok", state)


def _admin_interface(host: Host) -> DoctorFinding:
    """Jobs must not reset or stop the emulator: they may neither use its admin interface nor read the token for it."""
    if host.roots is Roots.NAMESPACE:
        state = "closed to jobs: the folder with its token is hidden from them"
        return DoctorFinding("admin interface", "ok", state)
    state = "not closed to jobs: a job runs as your user, and could read the token in the state folder and use it"
    return DoctorFinding("admin interface", "limited", state, "allow namespaces, or run in Docker (--runner docker)")


def _offline(host: Host) -> DoctorFinding:
    if host.isolates_network:
        return DoctorFinding("offline runs", "ok", "network namespace; the start-up shim names refused hosts")
    state = "audit hook of the start-up shim and proxy variables: programs that ignore both are not held back"
    return DoctorFinding("offline runs", "limited", state, "allow network namespaces to make it tight")


def _state_folder(settings: Settings) -> DoctorFinding:
    emulator = emulator_process.find(settings.state)
    if emulator is not None:
        return DoctorFinding("state folder", "ok", f"{settings.state}, in use by the emulator at {emulator.address}")
    folder = _existing(settings.state)
    if not os.access(folder, os.W_OK):
        return DoctorFinding("state folder", "unfit", f"{folder} cannot be written", "choose another with --state")
    return DoctorFinding("state folder", "ok", str(settings.state))


def _port(settings: Settings) -> DoctorFinding:
    emulator = emulator_process.find(settings.state)
    if emulator is not None and emulator.port == settings.port:
        return DoctorFinding("port", "ok", f"{settings.port}, taken by this project's emulator")
    try:
        with socket.create_server((settings.host, settings.port)):
            return DoctorFinding("port", "ok", f"{settings.port} is free")
    except OSError as error:
        state = f"{settings.port} cannot be had ({error.strerror})"
        return DoctorFinding("port", "limited", state, "start with --port 0 for a free one (run and exec always do)")


def _disk(name: str, folder: Path) -> DoctorFinding:
    free = shutil.disk_usage(folder).free / 1e9
    state = f"{free:.1f} GB free at {folder}"
    if free < LOW_DISK_GB:
        return DoctorFinding(name, "limited", state, "free some space, or move it (--state, HARNESS_CACHE)")
    return DoctorFinding(name, "ok", state)


def _docker(settings: Settings) -> Iterator[DoctorFinding]:
    """Check Docker: one line unless jobs are to run in it, as the local profile does not need it."""
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.errors import EngineRefusal

    needed = settings.runner != "process"
    engine = DockerEngine()
    try:
        state = engine.describe()
    except EngineRefusal as refusal:
        if needed:
            yield DoctorFinding("Docker", "unfit", "not usable", str(refusal))
        else:
            yield DoctorFinding("Docker", "ok", "not usable, and not needed: jobs run as processes")
        return
    finally:
        engine.close()
    if not needed:
        yield DoctorFinding("Docker", "ok", f"{state['Docker Engine']}; not needed: jobs run as processes")
        return
    for name, what in state.items():
        yield DoctorFinding("Docker" if name == "Docker Engine" else f"Docker: {name}", "ok", what)


def _localstack(settings: Settings) -> DoctorFinding:
    from harness.aws.remote.health import ask, read_configured_address
    from harness.emulator.localstack import ENVIRONMENT

    try:
        address, variable = read_configured_address()
    except StateError as error:
        return DoctorFinding("LocalStack", "limited", str(error))
    health = ask(address)
    if health is not None:
        return DoctorFinding("LocalStack", "ok", f"{health.version} runs at {address}")
    if variable:
        state = f"none answers at {address}, which {variable} names"
        return DoctorFinding("LocalStack", "limited", state, f"start it, or unset {variable}")
    needed = "" if settings.aws_backend == "localstack" else "; not needed: S3 and the rest are answered by moto"
    try:
        Environments().path(ENVIRONMENT)
    except EnvironmentMissing:
        return DoctorFinding("LocalStack", "ok", f"none runs; its environment is built when it is first used{needed}")
    return DoctorFinding("LocalStack", "ok", f"none runs; its environment is there to start one{needed}")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that there is."""
    return next(each for each in (folder, *folder.parents) if each.exists())
