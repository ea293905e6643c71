"""The commands of this program, chosen by its first argument."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable

from . import launch, namespaces, offline, zygote


def main(arguments: list[str]) -> Callable[[], None] | None:
    """Run a command. Return a function if this process is to run a Python program; otherwise do not return."""
    command, rest = arguments[0], arguments[1:]
    if command == "launch":
        return launch.launch(rest[0], _channel(rest[1]))
    if command == "zygote":
        return zygote.serve(_channel(rest[0]), rest[1:])
    if command == "probe":
        launch.probe(rest[0])
        return None
    if command == "namespace":
        namespaces.hold_new_user_namespace()
    if command == "links":
        namespace = os.open(rest[1], os.O_RDONLY) if rest[1:] else None
        namespaces.make_links(_channel(rest[0]), namespace)
        return None
    if command == "offline":
        offline.run(int(rest[0]), _channel(rest[1]), rest[2:])
    sys.exit(f"unknown command: {command}")


def _channel(descriptor: str) -> socket.socket:
    channel = socket.socket(fileno=int(descriptor))
    os.set_inheritable(channel.fileno(), False)
    return channel
