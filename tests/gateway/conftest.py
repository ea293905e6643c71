"""A real server with a private table of operations, so that the gateway is tested without any of SageMaker's nouns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from botocore.config import Config
from multidict import CIMultiDict

from harness.aws import Metric
from harness.emulator import Emulator, Parts
from harness.engine.jobs.interruptions import Interruptions
from harness.kernel.http import Request, Response
from harness.kernel.records import Key
from harness.settings import Settings

ACCOUNT = "123456789012"
REGION = "us-east-1"


class Seen(NamedTuple):
    service: str
    method: str
    target: str
    account: str
    region: str


class EchoBackend:
    """Answers everything with nothing, or by ``answer``; keeps what it was asked."""

    name = "echo"

    def __init__(self) -> None:
        self.answer: Callable[[Request], Response] | None = None
        self.received = 0
        self.resets = 0
        self.seen: list[Seen] = []

    def services(self) -> frozenset[str]:
        return frozenset({"s3", "sts", "iam", "logs"})

    async def handle(self, service: str, request: Request, account: str, region: str) -> Response:
        if self.answer is not None:
            return self.answer(request)
        self.received = 0
        async for chunk in request.stream():
            self.received += len(chunk)
        self.seen.append(Seen(service, request.method, request.target, account, region))
        return Response(200, CIMultiDict({"Content-Type": "text/xml"}))

    def objects(self, account: str, region: str) -> Any:
        raise AssertionError("no objects here")

    def put_metrics(self, account: str, region: str, namespace: str, metrics: Sequence[Metric]) -> None:
        raise AssertionError("no metrics here")

    def describe(self) -> Mapping[str, str]:
        return {"echo": "in this process"}

    def role_exists(self, account: str, role_arn: str) -> bool:
        return True

    def account_of(self, access_key: str) -> str | None:
        return "222222222222" if access_key == "ASIAOFANOTHER" else None

    def secret_of(self, access_key: str) -> str | None:
        return "of-another" if access_key == "ASIAOFANOTHER" else None

    def load(self) -> None:
        pass

    def reset(self) -> None:
        self.resets += 1

    def close(self) -> None:
        pass


class IdleEngine:
    """Nothing happens after the answer; the clock moves when told to."""

    def __init__(self, ground: Any) -> None:
        self._ground = ground
        self.recovered = 0
        self.interruptions = Interruptions()

    def submit(self, key: Key, again: bool = False) -> None: ...
    def stop(self, key: Key) -> None: ...
    def reconcile(self, key: Key) -> None: ...
    def wake_schedules(self) -> None: ...
    def kill_servers(self, key: Key, variant: str) -> int:
        return 0

    async def invoke(self, key: Key, request: dict[str, Any], received: float) -> dict[str, Any]:
        return {"Body": request["Body"], "ContentType": request.get("ContentType")}

    def recover(self) -> None:
        self.recovered += 1

    def advance(self, target: Callable[[float], float]) -> Mapping[str, Any]:
        self._ground.clock.advance_to(target(self._ground.clock.now()))
        return {"executions": []}

    def reset(self) -> None: ...
    def close(self) -> None: ...


class NoLogs:
    """The gateway keeps no job logs."""

    def clear(self) -> None: ...
    def close(self) -> None: ...


class IdleRunner:
    name = "idle"

    def refuses_several_hosts(self) -> str:
        return ""

    def runs_as(self, uid: int) -> bool:
        return False

    def sweep(self) -> list[str]:
        return []

    def close(self) -> None: ...


@dataclass
class Served:
    emulator: Emulator
    operations: dict[tuple[str, str], Any] = field(default_factory=dict)
    backend: EchoBackend = field(default_factory=EchoBackend)

    @property
    def address(self) -> str:
        return self.emulator.address

    @property
    def state(self) -> Path:
        return self.emulator.state

    def client(self, service: str, access_key: str = "test", region: str = REGION, **config: Any) -> Any:
        config.setdefault("retries", {"mode": "standard"})
        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name=region,
            aws_access_key_id=access_key,
            aws_secret_access_key="test",
            config=Config(read_timeout=70, **config),
        )


@pytest.fixture
def make_served(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    running: list[Emulator] = []

    def make(**settings: Any) -> Served:
        operations: dict[tuple[str, str], Any] = {}
        backend = EchoBackend()
        parts = replace(
            Parts(),
            logs=lambda ground: NoLogs(),
            aws=lambda ground, logs: backend,
            runner=lambda ground: IdleRunner(),
            engine=lambda components, boot: IdleEngine(boot),
            lookup=lambda service, name: operations.get((service, name)),
        )
        settings.setdefault("state", tmp_path / "state")
        emulator = Emulator(Settings(port=0, **settings), parts)
        emulator.start()
        running.append(emulator)
        return Served(emulator, operations, backend)

    yield make
    for emulator in running:
        emulator.close()


@pytest.fixture
def served(make_served: Callable[..., Served]) -> Served:
    return make_served()
