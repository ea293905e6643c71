"""The host user of jobs when root runs the emulator: root inside a user namespace, an unprivileged user outside.

If an ordinary user runs the emulator, its jobs run as that user.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_PREFERRED = 0x70000000
"""A user id above those that systemd and containers assign (systemd.io, "Users, Groups, UIDs and GIDs")."""
_COUNT = 65536
_SYSTEM_IDS = 1000


class UserNamespaceRefused(Exception):
    """The kernel, or the container that the emulator runs in, does not allow a user namespace."""


@dataclass(frozen=True)
class JobUser:
    """A user namespace whose root is user ``first`` of the host, its next user ``first + 1``, and so on."""

    first: int
    count: int
    namespace: int
    """A file descriptor of the namespace."""

    @property
    def path(self) -> str:
        """A path at which another process of the same user can open the namespace."""
        return f"/proc/{os.getpid()}/fd/{self.namespace}"

    def owns(self, uid: int) -> bool:
        return self.first <= uid < self.first + self.count

    def close(self) -> None:
        os.close(self.namespace)


def make_job_user(program: Path) -> JobUser | None:
    """Create the user of jobs; return None if this process is not root. Raise ``UserNamespaceRefused`` on failure.

    ``program`` is the stand-alone program ``inside``.
    """
    if os.geteuid() != 0:
        return None
    try:
        first, count = free_range(_extents("uid_map"), _extents("gid_map"))
        return JobUser(first, count, _namespace(program, first, count))
    except (OSError, ValueError) as error:
        raise UserNamespaceRefused(str(error)) from error


def free_range(users: Sequence[tuple[int, int]], groups: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Return the first id and the number of ids for jobs: 65536 unused ids, or else a single one.

    ``users`` and ``groups`` are the available ids as (first, count); in a container there may be few. Raise
    ``ValueError`` if all of them belong to the system.
    """
    if _holds(users, _PREFERRED, _COUNT) and _holds(groups, _PREFERRED, _COUNT):
        return _PREFERRED, _COUNT
    for first, count in sorted(users, reverse=True):
        last = first + count - 1
        for candidate in (last, last - 1, last - 2):
            if candidate not in (65534, 65535) and candidate >= _SYSTEM_IDS and _holds(groups, candidate, 1):
                return candidate, 1
    raise ValueError("this container has no user id above 999 that jobs could run as")


def _holds(extents: Sequence[tuple[int, int]], first: int, count: int) -> bool:
    return any(start <= first and first + count <= start + size for start, size in extents)


def _extents(name: str) -> list[tuple[int, int]]:
    lines = Path("/proc/self", name).read_text().splitlines()
    return [(int(first), int(count)) for first, _, count in (line.split() for line in lines)]


def _namespace(program: Path, first: int, count: int) -> int:
    """Create a user namespace in a helper process (a process with threads cannot) and return its descriptor."""
    with subprocess.Popen(
        [sys.executable, "-I", "-S", str(program), "namespace"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={"PATH": os.defpath},
        cwd="/",
    ) as process:
        assert process.stdout is not None
        try:
            answer = process.stdout.readline().decode(errors="replace").strip()
            if answer != "made":
                raise ValueError(answer or "the process that makes a user namespace ended without an answer")
            for name in ("uid_map", "gid_map"):
                Path(f"/proc/{process.pid}/{name}").write_text(f"0 {first} {count}")
            return os.open(f"/proc/{process.pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            process.kill()
