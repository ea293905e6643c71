"""Log lines as the container writes them: to stderr, with the prefix of the release."""

from __future__ import annotations

import logging
import sys

from .versions import Version


def configure_logging(version: Version) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(version.log_format, datefmt="%Y-%m-%d:%H:%M:%S"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
