"""The toolkit's log lines, in the format of AWS's training toolkit."""

from __future__ import annotations

import logging
import sys

log = logging.getLogger("sagemaker-training-toolkit")


def configure_logging(level: int) -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(logging.Formatter("%(asctime)s %(name)-12s %(levelname)-8s %(message)s"))
    log.handlers[:] = [handler]
    log.propagate = False
    log.setLevel(level)
