"""Refuses all requests once the state folder was removed: nothing that is acknowledged then could be read again."""

from __future__ import annotations

import os

from harness.gateway.request_context import RequestContext
from harness.kernel.errors import InternalFailure


async def check_state_folder(exchange: RequestContext) -> None:
    if exchange.site.control.has_lost_state():
        folder = exchange.site.control.facts()["state"]
        raise InternalFailure(
            f"The state folder {folder} was removed or replaced while the emulator ran, "
            f"so nothing can be stored. End the emulator (process {os.getpid()}) and start it again."
        )
