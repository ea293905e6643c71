"""State of moto's services other than S3, kept across restarts: one pickle per back end, replaced as a whole.

Written at most a second after a change, on a thread of its own. A pickle is only read by the moto that wrote it.
"""

from __future__ import annotations

import copyreg
import io
import logging
import pickle
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from harness.stores.aws_backends.moto.dispatch import LOCK
from harness.stores.aws_backends.moto.moto_version import moto_version

DELAY = 0.5
logger = logging.getLogger(__name__)


class Snapshots:
    """``backends`` gives moto's dictionary (account -> region -> back end) of a service."""

    def __init__(self, folder: Path, backends: Callable[[str], Any]) -> None:
        self._folder = folder
        self._backends = backends
        self._changed: set[str] = set()
        self._unsaved: set[str] = set()
        """Services that cannot be pickled, told once."""
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="moto-snapshots", daemon=True)
        self._writing = threading.Lock()

    def start(self) -> None:
        self._thread.start()

    def changed(self, service: str) -> None:
        self._changed.add(service)
        self._wake.set()

    def services(self) -> list[str]:
        """Those that something is kept of."""
        return sorted(path.name for path in self._folder.iterdir()) if self._folder.is_dir() else []

    def restore(self, service: str) -> None:
        stale = 0
        for path in sorted(self._folder.glob(f"{service}/*/*.pickle")):
            account, region = path.parent.name, path.stem
            try:
                version, state = pickle.loads(path.read_bytes())
                if version != moto_version():
                    stale += 1
                    path.unlink()
                    continue
                self._backends(service)[account][region].__dict__.update(state)
            except Exception:
                logger.exception(
                    "The saved state of %s in %s %s cannot be read and is left out", service, account, region
                )
        if stale:
            logger.warning("The saved state of %s comes from another moto than %s: discarded", service, moto_version())

    def forget(self) -> None:
        with self._writing:
            self._changed.clear()
            for path in self._folder.glob("*/*/*.pickle"):
                path.unlink(missing_ok=True)

    def close(self) -> None:
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        self._write()

    def _keep(self) -> None:
        pause = DELAY
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            if self._closing.wait(pause):
                return
            began = time.monotonic()
            try:
                self._write()
            except OSError:
                logger.exception("The state of the embedded AWS services could not be saved")
            # Big states are pickled under moto's lock: give at most a tenth of the time to it.
            pause = max(DELAY, 9 * (time.monotonic() - began))

    def _write(self) -> None:
        with self._writing:
            changed, self._changed = self._changed, set()
            for service in changed:
                for account, regions in list(self._backends(service).items()):
                    for region in list(regions):
                        self._write_one(service, account, region, regions[region])

    def _write_one(self, service: str, account: str, region: str, backend: Any) -> None:
        try:
            with LOCK:
                data = _pickled((moto_version(), backend.__dict__))
        except Exception as error:
            if service not in self._unsaved:
                self._unsaved.add(service)
                logger.warning("The state of %s will not survive a restart: %s", service, error)
            return
        path = self._folder / service / account / f"{region}.pickle"
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".new")
        temporary.write_bytes(data)
        temporary.replace(path)


def _pickled(state: Any) -> bytes:
    """With locks, which some back ends hold, as new ones."""
    buffer = io.BytesIO()
    pickler = pickle.Pickler(buffer)
    locks = {
        type(threading.Lock()): lambda _: (threading.Lock, ()),
        type(threading.RLock()): lambda _: (threading.RLock, ()),
    }
    pickler.dispatch_table = {**copyreg.dispatch_table, **locks}
    pickler.dump(state)
    return buffer.getvalue()
