"""A warm parent: imports what its jobs import, and forks for each of them. It does nothing else, ever.

One parallel region run here (a matrix built, a prediction) would leave every forked child with the memory of threads
it does not have, and hang it. Libraries that start threads when imported do not belong among the modules.
"""

from __future__ import annotations

import gc
import importlib
import os
import signal
import socket
from collections.abc import Callable

from . import launch, messages, offline


def serve(channel: socket.socket, modules: list[str]) -> Callable[[], None] | None:
    """Returns only in a forked program; ends when the emulator does."""
    os.setsid()
    try:
        for name in modules:
            importlib.import_module(name)
    except Exception as error:  # noqa: BLE001  (modules raise anything; jobs start cold then)
        launch.refuse(channel, f"import {name}: {error!r}")
    gc.collect()
    gc.freeze()  # objects that are never visited are never copied into the children
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody asks how attendants end
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    messages.send(channel, {"event": "ready"})
    while True:
        message = messages.receive(channel)
        if message is None:
            os._exit(0)
        control, *others = message.descriptors
        pid = os.fork()
        if pid == 0:
            channel.close()
            if "modules" in message.body:
                return serve(socket.socket(fileno=control), message.body["modules"])
            output, *request = others
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for descriptor in (1, 2):
                os.dup2(output, descriptor)
            os.close(output)
            channel = socket.socket(fileno=control)
            return offline.attend(request[0], channel) if request else launch.launch(message.body["request"], channel)
        for descriptor in message.descriptors:
            os.close(descriptor)
        messages.send(channel, {"event": "forked", "pid": pid})
