"""The host's view of what runs: which processes listen, and which of them see a certain model."""

from __future__ import annotations

import contextlib
from pathlib import Path

_LISTENING = "0A"


def servers_of(model_file: str) -> list[int]:
    """Processes that hold a listening socket and have ``model_file`` in their own ``/opt/ml/model``."""
    return [
        int(process.name)
        for process in Path("/proc").iterdir()
        if process.name.isdigit() and _sees(process, f"opt/ml/model/{model_file}") and _listens(process)
    ]


def _sees(process: Path, file: str) -> bool:
    with contextlib.suppress(OSError):
        return (process / "root" / file).exists()
    return False


def _listens(process: Path) -> bool:
    with contextlib.suppress(OSError):
        lines = [line.split() for line in (process / "net" / "tcp").read_text().splitlines()[1:]]
        listening = {f"socket:[{line[9]}]" for line in lines if line[3] == _LISTENING}
        return any(str(link.readlink()) in listening for link in (process / "fd").iterdir())
    return False
