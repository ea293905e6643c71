"""Starting one program: enter the namespaces, then fork the init process; this process remains as its parent."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from . import init, links, linux, messages, namespaces, network, sources, surroundings


def launch(request_file: str, channel: socket.socket) -> Callable[[], None] | None:
    """Start a program. Return only in its own process, if it is a Python program that this process runs."""
    with open(request_file, encoding="utf-8") as file:
        request: dict[str, Any] = json.load(file)
    os.setsid()
    if not request["namespaces"]:
        linux.become_subreaper()
        return init.run(request, channel, [])
    try:
        entered = _enter(request)
    except OSError as error:
        refuse(channel, str(error))
    if os.fork():
        channel.close()
        _attend()
    try:
        _surround(request, entered)
    except OSError as error:
        refuse(channel, str(error))
    return init.run(request, channel, entered.granted)


class _Entered(NamedTuple):
    granted: list[str]
    host: sources.Sources
    sockets: list[str]
    links: int | None
    """The network namespace that connects the job's hosts, if it has several."""


def _enter(request: dict[str, Any]) -> _Entered:
    """Enter the namespaces. The folders of the job's file system are opened first, with the emulator's rights."""
    sockets = sources.listening_sockets()
    namespace, host, group = None, None, request.get("group")
    bridge = os.open(group["network"], os.O_RDONLY | os.O_CLOEXEC) if group else None
    if request["user_namespace"]:
        namespace = os.open(request["user_namespace"], os.O_RDONLY)
        host = sources.clone_sources(request["filesystem"], namespace)
    elif group:
        namespace = os.open(group["user_namespace"], os.O_RDONLY)
    granted = namespaces.enter(request["without"], namespace)
    host = host or sources.open_sources(request["filesystem"])
    if namespace is not None:
        os.close(namespace)
    return _Entered(granted, host, sockets, bridge)


def _surround(request: dict[str, Any], entered: _Entered) -> None:
    if request["user_namespace"]:
        namespaces.become_root()
    linux.die_with_parent(signal.SIGKILL)  # again, because a change of the user resets it
    if "hostname" in entered.granted:
        linux.set_host_name(request["hostname"])
    if "network" in entered.granted:
        network.raise_loopback()
    if entered.links is not None:
        links.plug_in(entered.links, request["group"]["number"], request["group"]["address"])
        os.close(entered.links)
    surroundings.build(request["filesystem"], entered.host, entered.sockets)


def _attend() -> None:
    """Wait for init to end. When this process is killed, init dies too."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # SIGTERM to a whole process tree must not end this process, which would kill the program at once.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        os.waitpid(-1, 0)
    finally:
        os._exit(0)


def refuse(channel: socket.socket, why: str) -> None:
    messages.send(channel, {"event": "refused", "why": why})
    os._exit(1)


def probe(request_file: str) -> None:
    """Set up a trial environment and print, as JSON, which namespaces a job gets on this host."""
    with open(request_file, encoding="utf-8") as file:
        request = json.load(file)
    answer: dict[str, Any] = {"granted": [], "why": ""}
    try:
        entered = _enter(request)
        if os.fork():
            os._exit(os.wait()[1] and 1)
        _surround(request, entered)
        answer["granted"] = entered.granted
    except OSError as error:
        answer["why"] = str(error)
    except Exception:  # noqa: BLE001  (the answer says what went wrong)
        answer["why"] = traceback.format_exc(limit=-1)
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)
