"""``refuse_other_users``: on loopback the emulator answers processes of its own user and of root only."""

from __future__ import annotations

import os
from collections.abc import Callable

from harness.gateway.peers import PeerLookup
from harness.gateway.request_context import RequestContext, json_response
from harness.kernel.addresses import is_loopback
from harness.kernel.http import Response

_ROOT = 0


async def refuse_other_users(exchange: RequestContext) -> Response | None:
    client = exchange.client
    if client.own_user or exchange.site.settings.allow_other_users:
        return None
    message = (
        "harness refused this connection: it comes from a process of another user of this machine. "
        "To let all users in, start the emulator with the setting allow_other_users (HARNESS_ALLOW_OTHER_USERS=1)."
    )
    return json_response({"__type": "OtherUserRefused", "message": message}, 403)


def is_own_user(
    lookup: PeerLookup, peer: tuple[str, int], own: tuple[str, int], runs_as: Callable[[int], bool]
) -> bool:
    """Return whether the peer may connect over loopback: its user is the emulator's or root, or it may be a job.

    True also where the system does not tell, and for other machines, whose requests need a signature that verifies.
    """
    if not is_loopback(peer[0]):
        return True
    peer_user = lookup.find(peer, own)
    if peer_user is None:
        return True
    return peer_user.uid is not None and (peer_user.uid in (_ROOT, os.geteuid()) or runs_as(peer_user.uid))
