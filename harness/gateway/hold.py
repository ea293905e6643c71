"""``hold``: a waiting client's Describe is kept until its resource is finished, so that waiting costs nothing.

Only for callers that wait: those of the SageMaker SDKs, botocore's waiters, and a client that asks again for an answer
that has not changed since. A program that looks once is answered at once. Clients under the start-up shim wait for
themselves.
"""

from __future__ import annotations

import asyncio
import re

from harness.engine.lifecycle import is_unfinished
from harness.gateway.askers import PollingClient
from harness.gateway.request_context import RequestContext
from harness.kernel.http import Response
from harness.kernel.kinds import KINDS
from harness.kernel.records import Key, Record

SHIM_MARK = "harness-shim"
"""In the user agent of clients whose waiting the start-up shim shortens: nothing is held for them."""

# v2 and v3's sessions, v3's resource classes (which do its waiting), and those of v3 when they make their own client.
# smexperiments sends nothing of its own; it is held as any client is that asks again.
_SDK = re.compile(r"\bAWS-SageMaker-Python-SDK[#/]|\bAWS-SageMakerCore[#/]|\bSageMakerSDK/")
_WAITER = re.compile(r"(?:^|\s)m/(?:\S*,)?B(?:,|\s|$)")

# v3's create() looks back within milliseconds, also when nobody is going to wait; its wait then asks again.
_LOOKING_BACK = 1.0

_KINDS = {kind.operation("Describe"): kind for kind in KINDS.values() if kind.lifecycle}
"""The operations whose answer may be held back, and the kinds that they describe."""


async def hold(exchange: RequestContext) -> Response | None:
    kind = _KINDS.get(exchange.operation.name) if exchange.service == "sagemaker" else None
    if kind is None:
        return None
    key = Key(kind.type, exchange.account, exchange.region, exchange.parameters[kind.name_member])
    record = exchange.site.records.find(key)
    if record is not None and is_unfinished(record) and _waits(exchange, record):
        record = await _until_finished(exchange, key)
    if record is not None:
        exchange.site.askers.tell(_asker(exchange), record)
    return None


def _waits(exchange: RequestContext, record: Record) -> bool:
    agent = exchange.user_agent
    if SHIM_MARK in agent:
        return False
    if _WAITER.search(agent):
        return True
    told = exchange.site.askers.last_told(_asker(exchange), record.key)
    if _SDK.search(agent):
        return told is not None or exchange.site.clock.real() - record.created > _LOOKING_BACK
    return told == (record.created, record.version)


def _asker(exchange: RequestContext) -> PollingClient:
    return PollingClient(exchange.access_key, exchange.user_agent, exchange.client.remote)


async def _until_finished(exchange: RequestContext, key: Key) -> Record | None:
    """The record when it is finished, when the time is up, or when the emulator is about to end; None once deleted."""
    site = exchange.site
    loop = asyncio.get_running_loop()
    started = loop.time()
    deadline = started + site.settings.describe_hold
    try:
        while True:
            change = site.parking.park(key)
            try:
                record = site.records.find(key)
                left = deadline - loop.time()
                if record is None or not is_unfinished(record) or left <= 0 or site.parking.closed:
                    return record
                await asyncio.wait((change,), timeout=left)
            finally:
                site.parking.leave(key, change)
    finally:
        exchange.held = loop.time() - started
