"""Networks between the hosts of one job: an ``eth0`` and an address for each, in network namespaces of their own."""

from __future__ import annotations

import ipaddress
import os
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.runners.process.errors import NotStarted
from harness.runners.process.host import INSIDE, Host, Roots
from harness.runners.process.inside import messages
from harness.runners.process.users import JobUser
from harness.runners.spec import RunSpec

_FIRST = ipaddress.IPv4Address("10.0.0.1")
_REMEDY = "remedy: use one instance, or run the job under the docker profile"


@dataclass(frozen=True)
class HostLinks:
    """The network of one job, by descriptors of the namespaces that it consists of."""

    user_namespace: int
    network: int

    def addresses(self, hosts: Sequence[str]) -> Mapping[str, str]:
        return {host: str(_FIRST + number) for number, host in enumerate(hosts)}

    def request(self, spec: RunSpec) -> Mapping[str, Any]:
        """Return what ``inside`` needs to connect one host."""
        return {
            "user_namespace": f"/proc/{os.getpid()}/fd/{self.user_namespace}",
            "network": f"/proc/{os.getpid()}/fd/{self.network}",
            "number": spec.peers.index(spec.hostname),
            "address": self.addresses(spec.peers)[spec.hostname],
        }

    def close(self) -> None:
        os.close(self.user_namespace)
        os.close(self.network)


class JobLinks:
    """The networks of the jobs that run now, by the name of their group. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[str, tuple[HostLinks, int]] = {}
        self._refusal: str | None = None

    def join(self, group: str, user: JobUser | None) -> HostLinks:
        """Return the network of a group, which the first of its hosts makes. Each host must ``leave`` it."""
        with self._lock:
            made, hosts = self._groups.get(group) or (_make(user), 0)
            self._groups[group] = made, hosts + 1
            return made

    def leave(self, group: str) -> None:
        """Give up a network; the last host of the group removes it. An empty name is no group."""
        with self._lock:
            if group:
                made, hosts = self._groups.pop(group)
                if hosts > 1:
                    self._groups[group] = made, hosts - 1
                else:
                    made.close()

    def refusal(self, host: Host) -> str:
        """Return why this machine cannot connect hosts, found out once by a trial; empty if it can."""
        with self._lock:
            if self._refusal is None:
                self._refusal = _trial(host)
            return self._refusal


def _trial(host: Host) -> str:
    if host.roots is not Roots.NAMESPACE or not host.isolates_network:
        why = host.refusal or "network namespaces are not allowed"
        return (
            f"a job on several instances needs a network namespace for each, which this host refuses ({why}); {_REMEDY}"
        )
    try:
        _make(host.user).close()
    except NotStarted as error:
        return str(error)
    return ""


def _make(user: JobUser | None) -> HostLinks:
    """Make a network in a helper process, since a process with threads cannot enter a user namespace."""
    ours, theirs = messages.pair()
    with ours:
        with theirs:
            command = [sys.executable, "-I", "-S", str(INSIDE), "links", str(theirs.fileno())]
            process = subprocess.Popen(
                [*command, *([user.path] if user else [])],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env={"PATH": os.defpath},
                cwd="/",
            )
        with process:
            answer = messages.receive(ours)
    if answer is None or answer.body["event"] != "linked":
        why = answer.body["why"] if answer else "the helper process ended without an answer"
        raise NotStarted(f"the hosts of the job cannot be connected on this machine ({why}); {_REMEDY}")
    user_namespace, network = answer.descriptors
    return HostLinks(user_namespace, network)
