"""The process of the program: it waits for the command to start, then executes the program or runs it itself."""

from __future__ import annotations

import errno
import fcntl
import functools
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from . import filters, interpreter, linux, messages, surroundings

# The capabilities that Docker gives to a container's root, except creating device nodes.
_CAPABILITIES = frozenset((0, 1, 3, 4, 5, 6, 7, 8, 10, 13, 18, 29, 31))


def prepare(request: dict[str, Any], channel: socket.socket, go: int, report: int) -> Callable[[], None] | None:
    """Prepare everything before the program starts. A message tells the emulator this process's id."""
    os.setsid()
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGHUP, signal.SIGQUIT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.umask(0o022)
    os.environ.clear()
    os.environ.update(request["env"])
    try:
        os.makedirs(request["cwd"], exist_ok=True)  # as Docker makes a missing working directory
        os.chdir(request["cwd"])
        _give_up_rights(request["namespaces"])
        if request["wrapped"]:
            go, report = _clear_of_report(go), _clear_of_report(report)
            channel = socket.socket(fileno=_clear_of_report(channel.detach()))
            os.dup2(report, surroundings.REPORT)
            filters.refuse_untranslated_calls()
    except OSError as error:
        _refuse(channel, str(error), 126)
    os.close(report)
    messages.send(channel, {"event": "prepared"})
    if os.read(go, 1) != b"g":
        os._exit(1)
    os.close(go)
    if request["in_process"]:
        channel.close()
        return functools.partial(interpreter.run, request["argv"])
    _replace(request, channel)
    return None


def _give_up_rights(namespaces: bool) -> None:
    """Drop capabilities: keep those of a container's root in a user namespace, and none otherwise."""
    linux.leave_keyrings()
    if namespaces:
        linux.keep_capabilities(_CAPABILITIES)
        filters.refuse_host_sockets()
        linux.allow_own_inspection()
        return
    if os.geteuid() == 0:
        try:
            os.setgroups([])
        except PermissionError:
            pass  # not allowed for root of this namespace
    linux.keep_capabilities(frozenset())
    linux.die_with_parent(signal.SIGKILL)


def _clear_of_report(descriptor: int) -> int:
    """Return the descriptor, moved if its number is the one reserved for the report."""
    moved: int = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, surroundings.REPORT + 1)
    os.close(descriptor)
    return moved


def _replace(request: dict[str, Any], channel: socket.socket) -> None:
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):  # undo what Python has set for itself
        signal.signal(number, signal.SIG_DFL)
    argv = request["argv"]
    try:
        os.execvp(argv[0], argv)
    except OSError as error:
        _refuse(channel, *_exec_error(argv[0], error))


def _exec_error(name: str, error: OSError) -> tuple[str, int]:
    if error.errno == errno.ENOENT and "/" not in name:
        return f'exec: "{name}": executable file not found in $PATH', 127
    text = f'exec: "{name}": {os.strerror(error.errno or 0).lower()}'
    return text, 127 if error.errno == errno.ENOENT else 126


def _refuse(channel: socket.socket, why: str, code: int) -> None:
    messages.send(channel, {"event": "refused", "why": why, "code": code})
    sys.stderr.flush()
    os._exit(code)
