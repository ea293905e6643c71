"""The port: taking it, and saying who has it when it is taken."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

from harness.kernel.errors import StateError


def take(host: str, port: int) -> socket.socket:
    """A socket that listens there. ``StateError`` names the port, its holder if known, and the way out."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=1024)
    except OSError as error:
        if port == 0:
            raise StateError(f"harness cannot listen on {host}: {os.strerror(error.errno or 0)}") from error
        raise StateError(
            f"port {port} on {host} cannot be had ({os.strerror(error.errno or 0)})",
            f"{_holder(host, port)}choose another with --port, or --port 0 for a free one",
        ) from error


def _holder(host: str, port: int) -> str:
    process = _process_there(port)
    if _harness_there(host, port):
        named = f" (process {process})" if process else ""
        return f"another emulator has it{named}; `harness stop` in its project stops it: "
    return f"process {process} has it: " if process else ""


def _harness_there(host: str, port: int) -> bool:
    import http.client  # only needed when the start has failed

    connection = http.client.HTTPConnection(host, port, timeout=1)
    try:
        connection.request("GET", "/_harness/health")
        facts = json.loads(connection.getresponse().read(10_000))
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()
    return isinstance(facts, dict) and facts.keys() == {"status", "version"}


def _process_there(port: int) -> str | None:
    """``PID (name)`` of the listener, where /proc tells and the process is ours to see."""
    inode = f"socket:[{_listening_inode(port)}]"
    for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if str(descriptor.readlink()) == inode:
                process = descriptor.parts[2]
                return f"{process} ({Path('/proc', process, 'comm').read_text().strip()})"
        except OSError:
            continue
    return None


def _listening_inode(port: int) -> str:
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = Path(table).read_text().splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            columns = line.split()
            if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                return columns[9]
    return ""
