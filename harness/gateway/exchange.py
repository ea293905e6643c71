"""``Exchange``: one request on its way through the chain, and ``Site``: what the gateway stands on."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from multidict import CIMultiDict

from harness.contract.catalog import CATALOGUED
from harness.contract.containers import Images
from harness.engine import Engine
from harness.gateway.askers import Askers
from harness.gateway.journal import Journal
from harness.gateway.parking import Parking
from harness.gateway.planned_faults import PlannedFaults
from harness.kernel.clock import Clock
from harness.kernel.http import Request, Response
from harness.protocol import OperationModel, ServiceModel
from harness.services.scope import Operation
from harness.settings import Settings
from harness.stores.aws_backends import AwsBackend
from harness.stores.records import RecordStore


class ClientGone(Exception):
    """The client closed the connection before the request or the answer was whole."""


class Control(Protocol):
    """What the admin endpoints may ask of the emulator."""

    @property
    def address(self) -> str: ...

    def advance(self, seconds: float) -> Awaitable[Mapping[str, Any]]:
        """Move the clock; returns when everything that became due has run. What ran is answered to the caller."""

    def reset(self) -> Awaitable[None]: ...

    def shut_down(self) -> None:
        """Begin to end; returns at once."""

    def facts(self) -> Mapping[str, Any]:
        """What ``/_harness/health`` shows besides the status."""


class AccountsOfKeys(Protocol):
    async def of(self, access_key: str) -> str | None:
        """The account that an access key given out by STS or IAM belongs to; None when it is not known."""


class Client(NamedTuple):
    """The other end of the connection. ``ports`` are those the server itself listens on."""

    remote: str
    ports: frozenset[int]


@dataclass
class Site:
    settings: Settings
    clock: Clock
    records: RecordStore
    aws: AwsBackend
    engine: Engine
    control: Control
    journal: Journal
    parking: Parking
    askers: Askers
    pool: ThreadPoolExecutor
    lookup: Callable[[str, str], Operation | None]
    """Which function serves an operation (``services.registry.operation``)."""
    accounts: AccountsOfKeys
    images: Images = CATALOGUED
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls per service and operation, for ``/_harness/coverage``."""
    faults: PlannedFaults = field(default_factory=PlannedFaults)


@dataclass(slots=True)
class Exchange:
    """Fields without a default are set by the link named; reading one before that is a defect found at once."""

    site: Site
    request: Request
    client: Client
    id: str
    received: float = field(default_factory=time.perf_counter)
    service: str = ""
    account: str = ""
    region: str = ""
    access_key: str = ""
    error: str = ""
    held: float = 0.0
    """Seconds the answer was held for a waiting client."""
    injected: str = ""
    """The faults on purpose that this request met."""
    model: ServiceModel | None = None
    """Set by ``identify`` for the services that the emulator itself serves."""
    values: Mapping[str, str] = field(default_factory=dict)
    """What the REST route found in the path."""
    operation: OperationModel = field(init=False)  # identify
    function: Operation = field(init=False)  # refuse_unsupported
    body: bytes = field(init=False)  # read_body
    parameters: dict[str, Any] = field(init=False)  # parse
    answer: Any = field(init=False)  # dispatch

    @property
    def operation_name(self) -> str:
        operation: OperationModel | None = getattr(self, "operation", None)
        return operation.name if operation else ""

    @property
    def user_agent(self) -> str:
        return self.request.headers.get("User-Agent", "")


def json_response(document: Any, status: int = 200) -> Response:
    return Response(status, CIMultiDict({"Content-Type": "application/json"}), json.dumps(document).encode() + b"\n")
