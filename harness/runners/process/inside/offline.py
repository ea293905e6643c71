"""Becomes the user's own program in a network namespace that has nothing but loopback and the emulator's port."""

from __future__ import annotations

import os
import signal
import socket
import sys

from . import launch, linux, messages, namespaces, network


def run(port: int, channel: socket.socket, argv: list[str]) -> None:
    """Never returns. Everything but the network stays as the user has it: identity, files, terminal."""
    uid, gid = os.geteuid(), os.getegid()
    try:
        if uid == 0:
            linux.unshare(linux.CLONE_NEWNET)
        else:
            linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNET)
            namespaces.map_identity(uid, gid, uid, gid)
        network.raise_loopback()
        door = network.listen(port)
    except OSError as error:
        launch.refuse(channel, str(error))
    messages.send(channel, {"event": "surrounded"}, [door.detach()])
    if messages.receive(channel) is None:
        os._exit(1)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)
