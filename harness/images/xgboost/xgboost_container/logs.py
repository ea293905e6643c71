"""Log lines as the container writes them: to stderr, with the prefix of the release."""

from __future__ import annotations

import logging
import sys

from .versions import Version

# The root logger: releases that print logger names print "root".
log = logging.getLogger()


def configure_logging(version: Version) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter(version.log_format, datefmt="%Y-%m-%d:%H:%M:%S"))
    log.handlers[:] = [handler]
    log.setLevel(logging.INFO)
