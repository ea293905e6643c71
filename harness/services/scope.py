"""``Scope``: the caller's account and region, and the services that an operation uses."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.aws import AwsBackend
from harness.contract.containers import ImageSource
from harness.engine import Engine
from harness.engine.components import Components
from harness.kernel.arns import arn
from harness.kernel.clock import Clock
from harness.kernel.records import Key, Record
from harness.stores.objects import ObjectStore
from harness.stores.record_queries import RecordQuery
from harness.stores.records import RecordStore

Operation = Callable[["Scope", dict[str, Any]], Any]
"""``(scope, request) -> answer``, or a coroutine function if it must not block a thread (InvokeEndpoint)."""


@dataclass(frozen=True)
class RecordsOfKind:
    """The records of one kind in one account and region."""

    records: RecordStore
    kind: str
    account: str
    region: str

    def select(self, query: RecordQuery) -> Iterator[Record]:
        return self.records.select(query)


@dataclass(frozen=True)
class Scope:
    """The context of one API call: its caller, and the stores, engine and clock that its operation may use."""

    account: str
    region: str
    request_id: str
    caller: Mapping[str, str]
    """Facts about the client: ``user_agent`` and ``access_key``."""
    components: Components
    engine: Engine
    received: float = field(default_factory=time.perf_counter)
    """The time at which the request arrived, by ``time.perf_counter``."""

    @property
    def records(self) -> RecordStore:
        return self.components.records

    @property
    def aws(self) -> AwsBackend:
        return self.components.aws

    @property
    def clock(self) -> Clock:
        return self.components.clock

    @property
    def images(self) -> ImageSource:
        return self.components.images

    @property
    def objects(self) -> ObjectStore:
        return self.aws.objects(self.account, self.region)

    def key(self, kind: str, name: str) -> Key:
        return Key(kind, self.account, self.region, name)

    def records_of(self, kind: str) -> RecordsOfKind:
        return RecordsOfKind(self.records, kind, self.account, self.region)

    def arn(self, kind: str, name: str) -> str:
        return arn(kind, self.account, self.region, name)
