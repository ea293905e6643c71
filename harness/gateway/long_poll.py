"""Long polling: the Describe of an unfinished resource is answered when the resource is finished.

Only waiting clients are delayed: the SageMaker SDKs, botocore's waiters, and a client that repeats a Describe although
nothing has changed since its last one. A program that calls Describe once is answered at once. Clients under the
start-up shim shorten their waiting themselves, so they are never delayed.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING, NamedTuple

from harness.engine.lifecycle import is_unfinished
from harness.kernel.http import Response
from harness.kernel.kinds import KINDS, ResourceKind
from harness.kernel.records import Key, Record
from harness.stores.records import RecordStore

if TYPE_CHECKING:
    from harness.gateway.request_context import RequestContext

SHIM_MARK = "harness-shim"
"""Part of the user agent of clients under the start-up shim."""

# The sessions of SDK v2 and v3, v3's resource classes (which do its waiting), and the clients that v3 makes itself.
# smexperiments adds nothing to the user agent: its clients are recognised by their repeated calls.
_SDK = re.compile(r"\bAWS-SageMaker-Python-SDK[#/]|\bAWS-SageMakerCore[#/]|\bSageMakerSDK/")
# botocore/useragent.py: feature "WAITER" is "B" in the list "m/…".
_WAITER = re.compile(r"(?:^|\s)m/(?:\S*,)?B(?:,|\s|$)")

# SDK v3's create() calls Describe within milliseconds even when nobody is going to wait; its wait() calls it again.
_FIRST_DESCRIBE = 1.0

_MOST_POLLS = 10_000

_KINDS = {kind.operation("Describe"): kind for kind in KINDS.values() if kind.lifecycle}
"""The operations whose answer may be delayed, and the kinds that they describe."""


class PollingClient(NamedTuple):
    """A client, identified by its requests: threads and connections of one program count as one client."""

    access_key: str
    user_agent: str
    remote: str


class PollTracker:
    """Remembers which version of a record each client saw last. Beyond 10,000 entries the oldest are dropped."""

    def __init__(self) -> None:
        self._seen: OrderedDict[tuple[PollingClient, Key], tuple[float, int]] = OrderedDict()

    def last_seen(self, client: PollingClient, key: Key) -> tuple[float, int] | None:
        """Return ``(created, version)`` of the record as this client saw it last."""
        return self._seen.get((client, key))

    def record(self, client: PollingClient, record: Record) -> None:
        poll = (client, record.key)
        self._seen[poll] = (record.created, record.version)
        self._seen.move_to_end(poll)
        if len(self._seen) > _MOST_POLLS:
            self._seen.popitem(last=False)

    def clear(self) -> None:
        self._seen.clear()


class RecordWaiters:
    """The delayed answers, each waiting for its record to change: one future on the server's event loop, no thread.

    All methods belong to that loop; records change on any thread.
    """

    def __init__(self, records: RecordStore) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: defaultdict[Key, set[asyncio.Future[None]]] = defaultdict(set)
        self._closed = False
        self._unsubscribe = records.subscribe(self._record_changed)

    def open(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop

    @property
    def count(self) -> int:
        return sum(map(len, self._waiting.values()))

    @property
    def closed(self) -> bool:
        return self._closed

    def add(self, key: Key) -> asyncio.Future[None]:
        """Return a future that is done at the next change of the record. Call this *before* reading the record."""
        future = asyncio.get_running_loop().create_future()
        self._waiting[key].add(future)
        return future

    def remove(self, key: Key, future: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.discard(future)
            if not waiting:
                del self._waiting[key]

    def close(self) -> None:
        """Answer every waiting client with the record as it is, and delay no answer from now on."""
        self._closed = True
        self._unsubscribe()
        for key in list(self._waiting):
            self._wake(key)

    def _record_changed(self, key: Key, record: Record | None) -> None:
        if key in self._waiting and self._loop is not None:
            self._loop.call_soon_threadsafe(self._wake, key)

    def _wake(self, key: Key) -> None:
        for future in self._waiting.pop(key, ()):
            if not future.done():
                future.set_result(None)


async def wait_for_change(exchange: RequestContext) -> Response | None:
    """Delay the Describe of an unfinished resource when its client is a waiting one."""
    kind = _KINDS.get(exchange.operation.name) if exchange.service == "sagemaker" else None
    if kind is None:
        return None
    key = Key(kind.type, exchange.account, exchange.region, _name(kind, exchange.parameters[kind.name_member]))
    record = exchange.site.components.records.find(key)
    if record is not None and is_unfinished(record) and _is_waiting(exchange, record):
        record = await _wait_until_finished(exchange, key)
    if record is not None:
        exchange.site.polls.record(_polling_client(exchange), record)
    return None


def _name(kind: ResourceKind, identifier: str) -> str:
    """Return the name of the record that a request identifies by its name or by its ARN."""
    return identifier.partition("/")[2] if kind.named_by_arn else identifier


def _is_waiting(exchange: RequestContext, record: Record) -> bool:
    agent = exchange.user_agent
    if SHIM_MARK in agent:
        return False
    if _WAITER.search(agent):
        return True
    seen = exchange.site.polls.last_seen(_polling_client(exchange), record.key)
    if _SDK.search(agent):
        return seen is not None or exchange.site.components.clock.real() - record.created > _FIRST_DESCRIBE
    return seen == (record.created, record.version)


def _polling_client(exchange: RequestContext) -> PollingClient:
    return PollingClient(exchange.access_key, exchange.user_agent, exchange.client.remote)


async def _wait_until_finished(exchange: RequestContext, key: Key) -> Record | None:
    """Return the record when it is finished, the time is up, or the emulator is about to end; None once deleted."""
    site = exchange.site
    loop = asyncio.get_running_loop()
    started = loop.time()
    deadline = started + site.settings.describe_hold
    try:
        while True:
            change = site.waiters.add(key)
            try:
                record = site.components.records.find(key)
                left = deadline - loop.time()
                if record is None or not is_unfinished(record) or left <= 0 or site.waiters.closed:
                    return record
                await asyncio.wait((change,), timeout=left)
            finally:
                site.waiters.remove(key, change)
    finally:
        exchange.held = loop.time() - started
