"""Handling of SIGTERM in a training job: no model is saved, unless save_model_on_termination is set."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from .model_files import remove_all_but_models

TERMINATED = 128 + signal.SIGTERM


def die_on_sigterm() -> None:
    if os.getpid() != 1:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        return
    # The kernel drops unhandled signals to the first process of a PID namespace.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(TERMINATED))


def keep_model_on_sigterm(model_directory: Path) -> None:
    def finish(*_: Any) -> None:
        remove_all_but_models(model_directory)
        os._exit(0)

    signal.signal(signal.SIGTERM, finish)
