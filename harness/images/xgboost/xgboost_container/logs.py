"""Log lines as the container writes them: to stderr, with the prefix of the release."""

from __future__ import annotations

import logging
import sys
from typing import Any

from .tracebacks import format_traceback
from .versions import Version

# The root logger: releases that print logger names print "root".
log = logging.getLogger()


class _Formatter(logging.Formatter):
    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is logging's
        return format_traceback(ei[1]).rstrip("\n")


def configure_logging(version: Version) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(version.log_format, datefmt="%Y-%m-%d:%H:%M:%S"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
