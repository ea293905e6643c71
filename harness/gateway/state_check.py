"""Refuses calls once the state folder was removed under the emulator: what it acknowledged then would be lost."""

from __future__ import annotations

import os

from harness.gateway.request_context import RequestContext
from harness.kernel.errors import InternalFailure
from harness.kernel.http import Response


async def check_state(exchange: RequestContext) -> Response | None:
    if exchange.site.control.is_state_lost():
        raise InternalFailure(
            f"The state folder {exchange.site.settings.state} was removed or replaced while the emulator runs, so "
            f"nothing can be kept; end the emulator with `kill {os.getpid()}` and start it again."
        )
    return None
