"""Starts one program: enters the namespaces, becomes two (attendant outside, init inside) and lets init go on."""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from typing import Any, NamedTuple

from . import init, linux, messages, namespaces, network, sources, surroundings


def launch(request_file: str, channel: socket.socket) -> Callable[[], None] | None:
    """Returns only in the program's own process, and only when that is a Python program to be run right here."""
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


def _enter(request: dict[str, Any]) -> _Entered:
    """Enter the namespaces, with all that the job's file system is made of opened as the user who started us."""
    sockets = sources.listening_sockets()
    namespace, host = None, None
    if request["user_namespace"]:
        namespace = os.open(request["user_namespace"], os.O_RDONLY)
        host = sources.cloned(request["place"], namespace)
    granted = namespaces.enter(request["without"], namespace)
    host = host or sources.opened(request["place"])
    if namespace is not None:
        os.close(namespace)
    return _Entered(granted, host, sockets)


def _surround(request: dict[str, Any], entered: _Entered) -> None:
    if request["user_namespace"]:
        namespaces.become_root()
    linux.die_with_parent(signal.SIGKILL)  # a change of the user would have undone it
    if "hostname" in entered.granted:
        linux.set_host_name(request["hostname"])
    if "network" in entered.granted:
        network.raise_loopback()
    surroundings.build(request["place"], entered.host, entered.sockets)


def _attend() -> None:
    """The parent of init has nothing to do but to be there: when it dies, init dies with it."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(null, descriptor)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    # Who stops a tree of processes politely would, by ending this one, kill the program at once.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        os.waitpid(-1, 0)
    finally:
        os._exit(0)


def refuse(channel: socket.socket, why: str) -> None:
    messages.send(channel, {"event": "refused", "why": why})
    os._exit(1)


def probe(request_file: str) -> None:
    """Prints, as JSON, what a job would be granted on this host, having really built it for nothing."""
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
