"""Running the user's own program in a network namespace that contains only loopback and the emulator's port."""

from __future__ import annotations

import functools
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from . import interpreter, launch, linux, messages, namespaces, network


def run(port: int, channel: socket.socket, argv: list[str]) -> None:
    """Replace this process with the program. Everything except the network stays as it is for the user."""
    _enclose(port, channel)
    for number in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        sys.stderr.write(f"{argv[0]}: {error.strerror}\n")
        sys.stderr.flush()
        os._exit(127 if isinstance(error, FileNotFoundError) else 126)


def attend(request: int, channel: socket.socket) -> Callable[[], None]:
    """Fork the program from a warm parent's child, report its end, and end it if the requester has ended.

    Return only in the program's process, with the function that runs the program.
    """
    request_body: dict[str, Any] = json.loads(os.pread(request, os.fstat(request).st_size, 0))
    os.close(request)
    os.setsid()
    _enclose(request_body["port"], channel)
    pid = os.fork()
    if pid == 0:
        channel.close()
        return functools.partial(_program, request_body)
    _watch(channel, pid)
    status = os.waitpid(pid, 0)[1]
    code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    try:
        messages.send(channel, {"event": "exited", "code": code})
    except OSError:
        pass  # the requester has ended
    os._exit(0)


def _watch(channel: socket.socket, pid: int) -> None:
    """Forward requested signals until the program ends. If the requester ends first, kill the program's processes."""
    end = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
    while not select.select([channel, end], [], [])[0] == [end]:
        message = messages.receive(channel)
        if message is None:
            os.killpg(pid, signal.SIGKILL)
            return
        os.kill(pid, message.body["signal"])


def _program(request_body: dict[str, Any]) -> None:
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(request_body["env"])
    os.umask(request_body["umask"])
    os.chdir(request_body["cwd"])
    interpreter.run(request_body["argv"])


def _enclose(port: int, channel: socket.socket) -> None:
    """Enter a network namespace and send its listening socket for the emulator's port; wait until it is adopted."""
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
