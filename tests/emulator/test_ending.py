"""The end of an emulator waits for nothing that nobody needs any more."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from harness.clients.emulator_process import start, stop
from tests.cloud import eventually


def importing(emulator: int) -> list[int]:
    """Its warm parents."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = stat.read_text().rpartition(")")[2].split()[1]
            if int(parent) == emulator and b"zygote" in (stat.parent / "cmdline").read_bytes():
                found.append(int(stat.parent.name))
    return found


def test_a_warm_parent_that_still_imports_is_not_waited_for(tmp_path: Path) -> None:
    emulator = start(tmp_path / ".harness")
    (parent,) = eventually(lambda: importing(emulator.pid))
    os.kill(parent, signal.SIGSTOP)
    before = time.monotonic()
    stop(emulator)
    assert time.monotonic() - before < 5
    assert not Path(f"/proc/{parent}").exists()
