"""One request on its way through the chain, and the parts of the emulator that the gateway calls."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from multidict import CIMultiDict

from harness.engine import Engine
from harness.engine.components import Components
from harness.gateway.fault_injection.plan import PlannedFaults
from harness.gateway.long_poll import PollTracker, RecordWaiters
from harness.gateway.request_log import RequestLog
from harness.kernel.addresses import HostPort
from harness.kernel.http import Request, Response
from harness.protocol import OperationModel, ServiceModel
from harness.services.scope import Operation
from harness.settings import Settings
from harness.stores.credentials import Credentials
from harness.stores.package_index.job_packages import JobPackages


class ClientGone(Exception):
    """The client closed the connection before the request or the answer was whole."""


class Control(Protocol):
    """The calls of the admin endpoints into the emulator."""

    @property
    def address(self) -> str: ...

    def advance(self, target: Callable[[float], float]) -> Awaitable[Mapping[str, Any]]:
        """Move the clock to ``target(now)`` and run what falls due on the way; return what ran, all of it finished."""

    def reset(self) -> Awaitable[None]: ...

    def has_lost_state(self) -> bool:
        """Return whether the state folder was removed or replaced while the emulator ran."""

    def shut_down(self) -> None:
        """Begin to end; returns at once."""

    def facts(self) -> Mapping[str, Any]:
        """Return the members of ``/_harness/status``."""


class AccountsOfKeys(Protocol):
    async def of(self, access_key: str) -> str | None:
        """The account that an access key issued by STS or IAM belongs to; None when it is not known."""

    async def secret_of(self, access_key: str) -> str | None:
        """The secret of such a key; None when it is not known."""


class Listener(Enum):
    """Whom a listening socket is for."""

    ALL = "everybody who can reach the emulator's address"
    PROGRAM = "one program of the user's own, in a network of its own"
    JOBS = "jobs and model servers, in networks of their own"


class Client(NamedTuple):
    """The other end of the connection. ``ports`` are those the server itself listens on."""

    remote: str
    ports: frozenset[int]
    local: str = "127.0.0.1"
    """The address of the emulator that the connection came to."""
    listener: Listener = Listener.ALL
    own_user: bool = True
    """False for a process of another user of this machine, if the system tells."""


@dataclass
class GatewayDependencies:
    """The emulator's components, and what only the gateway works with."""

    settings: Settings
    components: Components
    engine: Engine
    control: Control
    journal: RequestLog
    waiters: RecordWaiters
    polls: PollTracker
    pool: ThreadPoolExecutor
    lookup: Callable[[str, str], Operation | None]
    """Which function serves an operation (``services.registry.operation``)."""
    accounts: AccountsOfKeys
    credentials: Credentials
    packages: JobPackages
    downloads: ThreadPoolExecutor
    """Threads on which packages are fetched, which may take minutes."""
    runs_as: Callable[[int], bool] = lambda uid: False
    """Whether processes of this user of the machine may be the emulator's own jobs."""
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Calls per service and operation, for ``/_harness/coverage``."""
    faults: PlannedFaults = field(default_factory=PlannedFaults)


@dataclass(slots=True)
class RequestContext:
    """Fields without a default are set by the link named; reading one before that is a defect that shows at once."""

    site: GatewayDependencies
    request: Request
    client: Client
    id: str
    received: float = field(default_factory=time.perf_counter)
    host: HostPort = field(init=False)  # check_host
    origin: str = ""
    cross_site: bool = False
    """Whether a browser marked it as made by another site's page. Set by ``check_browser``."""
    hosted: Request | None = None
    """The request as it came, where ``find_bucket_in_host`` has put it into path style."""
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
    """The members that the REST route read from the path."""
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
