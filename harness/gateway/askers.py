"""``PollTracker``: what each client was last told of a record, so that one who asks again in vain is known to wait."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

from harness.kernel.records import Key, Record

_REMEMBERED = 10_000


class PollingClient(NamedTuple):
    """A client as far as it can be told apart: threads and connections of one program are one client."""

    access_key: str
    user_agent: str
    remote: str


class PollTracker:
    """Forgets the eldest beyond 10,000."""

    def __init__(self) -> None:
        self._told: OrderedDict[tuple[PollingClient, Key], tuple[float, int]] = OrderedDict()

    def last_told(self, asker: PollingClient, key: Key) -> tuple[float, int] | None:
        """``(created, version)`` of the record as this client last saw it."""
        return self._told.get((asker, key))

    def tell(self, asker: PollingClient, record: Record) -> None:
        seen = (asker, record.key)
        self._told[seen] = (record.created, record.version)
        self._told.move_to_end(seen)
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)

    def forget(self) -> None:
        self._told.clear()
