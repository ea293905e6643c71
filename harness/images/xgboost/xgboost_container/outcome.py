"""How a training program ends: exit code, and the failure file that becomes the job's FailureReason."""

from __future__ import annotations

import logging
from typing import Callable

from .layout import Layout
from .tracebacks import format_traceback

# The platform shows about a thousand characters; so few frames leave room for the message after them.
SHOWN_FRAMES = 2


def run_to_outcome(layout: Layout, run: Callable[[], None]) -> int:
    try:
        run()
    except Exception as error:
        logging.getLogger("sagemaker-containers").exception("Reporting training FAILURE")
        layout.failure.parent.mkdir(parents=True, exist_ok=True)
        layout.failure.write_text(_failure_text(error), encoding="utf-8")
        return getattr(error, "errno", None) or 1
    layout.success.parent.mkdir(parents=True, exist_ok=True)
    layout.success.touch()
    return 0


def _failure_text(error: Exception) -> str:
    return "framework error: \n{}\n{}".format(format_traceback(error, limit=-SHOWN_FRAMES, chain=False), error)
