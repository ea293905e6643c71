"""The user's own program in a network namespace that has nothing but loopback and the emulator's port."""

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
    """Becomes the program; never returns. Everything but the network stays as the user has it."""
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
    """In a warm parent's child: forks the program, tells its end, and ends it when nobody is left to be told.

    Returns only in the program, with what runs it there.
    """
    asked: dict[str, Any] = json.loads(os.pread(request, os.fstat(request).st_size, 0))
    os.close(request)
    os.setsid()
    _enclose(asked["port"], channel)
    pid = os.fork()
    if pid == 0:
        channel.close()
        return functools.partial(_program, asked)
    _watch(channel, pid)
    status = os.waitpid(pid, 0)[1]
    code = 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    try:
        messages.send(channel, {"event": "exited", "code": code})
    except OSError:
        pass  # who asked for it is gone
    os._exit(0)


def _watch(channel: socket.socket, pid: int) -> None:
    """Until the program ended, pass on the signals asked for. What it started itself goes with it when nobody asks."""
    end = os.pidfd_open(pid) if hasattr(os, "pidfd_open") else -1
    while not select.select([channel, end], [], [])[0] == [end]:
        message = messages.receive(channel)
        if message is None:
            os.killpg(pid, signal.SIGKILL)
            return
        os.kill(pid, message.body["signal"])


def _program(asked: dict[str, Any]) -> None:
    os.setsid()
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ.clear()
    os.environ.update(asked["env"])
    os.umask(asked["umask"])
    os.chdir(asked["cwd"])
    interpreter.run(asked["argv"])


def _enclose(port: int, channel: socket.socket) -> None:
    """A network of its own, with the emulator's port handed out and taken over before anything goes on."""
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
