"""The isolation that this host allows for jobs, determined once by setting up a trial environment."""

from __future__ import annotations

import enum
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.runners.process.ownership import give_to_job
from harness.runners.process.users import JobUser, UserNamespaceRefused, make_job_user

INSIDE = Path(__file__).parent / "inside"
"""The stand-alone program that runs between the emulator and a job."""

_TRIAL_SECONDS = 20


class Roots(enum.Enum):
    """Ways to provide ``/opt/ml`` to a job, best first."""

    NAMESPACE = "namespace"
    PROOT = "proot"
    ENVIRONMENT = "environment"


@dataclass(frozen=True)
class Host:
    """The isolation that this host allows."""

    roots: Roots
    granted: frozenset[str]
    """The namespaces that a job gets, of ``user``, ``mount``, ``pid``, ``network``, ``ipc`` and ``hostname``."""
    refusal: str = ""
    """The kernel's error if namespaces, or the way that was forced, are not available."""
    wrapper: str = ""
    """The path of proot."""
    user: JobUser | None = None
    """The user that jobs in namespaces run as on this host, if it is not the user of this process."""

    @property
    def isolates_network(self) -> bool:
        return "network" in self.granted

    def describe(self) -> Mapping[str, str]:
        absolute = {
            Roots.NAMESPACE: "mount namespace in a user namespace",
            Roots.PROOT: "proot (slower); namespaces: " + self.refusal,
            Roots.ENVIRONMENT: "not available, only programs that follow SAGEMAKER_BASE_DIR run; " + self.refusal,
        }
        return {
            "/opt/ml": absolute[self.roots],
            "network isolation": "network namespace"
            if self.isolates_network
            else "not available: such jobs are refused",
            "processes": "PID namespace" if "pid" in self.granted else "killed by the job's init process",
            "host files": self._describe_protection(),
        }

    def _describe_protection(self) -> str:
        if self.roots is Roots.NAMESPACE:
            who = f"jobs run as user {self.user.first} of this host" if self.user else "jobs run as your user"
            return f"system folders are read-only, all others are hidden; {who}, without capabilities"
        who = "as root, without capabilities" if os.geteuid() == 0 else "as your user"
        files = "also /etc/shadow, homes and" if os.geteuid() == 0 else "also homes and"
        hidden = " (proot hides them, but a program can get around it)"
        return (
            f"not protected: jobs run {who}, and can read and write what that user may, {files} the state with its"
            f" admin token{hidden if self.roots is Roots.PROOT else ''}; they reach the network, unix sockets and"
            " processes of this host"
        )

    def close(self) -> None:
        if self.user is not None:
            self.user.close()


def examine(scratch: Path, forced: Roots | None) -> Host:
    """Determine what this host allows. ``scratch`` is an empty folder for the trial. The result must be closed."""
    granted, refusal = frozenset[str](), "another way is configured"
    if forced in (None, Roots.NAMESPACE):
        granted, refusal, user = _try_namespaces(scratch)
        if granted or forced is Roots.NAMESPACE:
            return Host(Roots.NAMESPACE, granted, refusal, user=user)
    wrapper = _try_proot(scratch) if forced in (None, Roots.PROOT) else ""
    if wrapper or forced is Roots.PROOT:
        return Host(Roots.PROOT, granted, refusal if wrapper else "proot is not installed or not allowed here", wrapper)
    return Host(Roots.ENVIRONMENT, granted, refusal)


def _try_namespaces(scratch: Path) -> tuple[frozenset[str], str, JobUser | None]:
    try:
        user = make_job_user(INSIDE)
    except UserNamespaceRefused as error:
        return frozenset(), str(error), None
    granted, refusal = _build_trial(scratch, user)
    if user is not None and not granted:
        user.close()
        user = None
    return granted, refusal, user


def _build_trial(scratch: Path, user: JobUser | None) -> tuple[frozenset[str], str]:
    root, opt_ml = scratch / "rootfs", scratch / "ml"
    root.mkdir()
    opt_ml.mkdir()
    if user is not None:
        give_to_job(root, user)
    filesystem = {"root": str(root), "opt_ml": str(opt_ml), "mounts": [], "hide": [], "show": [], "overlays": []}
    request = scratch / "request.json"
    namespace = user.path if user else ""
    body = {"hostname": "algo-1", "filesystem": filesystem, "without": [], "user_namespace": namespace}
    request.write_text(json.dumps(body))
    answer = _output([sys.executable, "-I", "-S", str(INSIDE), "probe", str(request)])
    try:
        result = json.loads(answer)
    except ValueError:
        return frozenset(), answer.strip()[-500:] or "the trial ended without an answer"
    return frozenset(result["granted"]), result["why"]


def _try_proot(scratch: Path) -> str:
    wrapper = shutil.which("proot")
    if wrapper is None:
        return ""
    marker = scratch / "proot"
    marker.mkdir()
    (marker / "seen").touch()
    # The target must exist: otherwise proot would create it on the host.
    words = _output([wrapper, "-b", f"{marker}:/mnt", "/bin/sh", "-c", "test -e /mnt/seen && echo seen"])
    return wrapper if words.strip() == "seen" else ""


def _output(argv: list[str]) -> str:
    try:
        done = subprocess.run(
            argv,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TRIAL_SECONDS,
            check=False,
            env={"PATH": os.environ.get("PATH", os.defpath)},
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (done.stdout or done.stderr).decode(errors="replace")
