"""The emulator's listening socket in a network of containers, bound to the network's gateway address."""

from __future__ import annotations

import contextlib
import errno
import logging
import socket
import threading
from collections.abc import Callable

from harness.runners.docker.errors import EngineRefusal

Adopt = Callable[[socket.socket], Callable[[], None]]
"""Have the emulator serve on a listening socket until the function returned is called."""

_REMOTE_ENGINE = (
    "Docker Engine runs on another machine or in a virtual machine (Docker Desktop), so its containers cannot reach "
    "the emulator: use an engine on this machine, or run without Docker (--runner process)"
)

_log = logging.getLogger(__name__)


class EmulatorListener:
    """A listening socket for one network.

    It is open at once: connections wait in the socket's queue until the emulator serves them. It is bound to the
    network's device, so that containers of other networks cannot reach it through this gateway address.
    """

    def __init__(self, gateway: str, device: str, port: int, adopt: Adopt | None) -> None:
        """Open the socket. ``port`` is the preferred port; if it is in use, ``address`` has another one."""
        try:
            self._listener = _listener(gateway, device, port)
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise EngineRefusal(_REMOTE_ENGINE) from error
            raise EngineRefusal(f"the emulator cannot listen on {gateway} for containers: {error}") from error
        self.address = f"http://{gateway}:{self._listener.getsockname()[1]}"
        self._adopt = adopt
        self._release: Callable[[], None] | None = None
        self._closed = False
        self._lock = threading.Lock()
        if adopt is not None:
            # In a thread, because the caller may be needed for the emulator to begin to serve.
            threading.Thread(target=self._adopt_socket, args=(adopt,), name="docker-door", daemon=True).start()

    def close(self) -> None:
        with self._lock:
            self._closed = True
            release, self._release = self._release, None
        if release is not None:
            release()
        elif self._adopt is None:
            self._listener.close()

    def _adopt_socket(self, adopt: Adopt) -> None:
        try:
            release = adopt(self._listener)
        except Exception:
            _log.exception("the emulator does not serve on Docker's network; containers will not reach it")
            self._listener.close()
            return
        with self._lock:
            if not self._closed:
                self._release = release
                return
        release()


def _listener(gateway: str, device: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(PermissionError):  # kernels before 5.7 allow this for root only
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode() + b"\0")
        try:
            listener.bind((gateway, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            listener.bind((gateway, 0))
        listener.listen(1024)
    except BaseException:
        listener.close()
        raise
    return listener
