"""What stands around local mode in one run: the emulator's clients, names, the engine, a list of who did what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from harness.clients.emulator_clock import EmulatorClock
from harness.kernel.arns import arn
from harness.localmode.container_engine import ContainerEngine, EngineFailed


@dataclass
class LocalModeProvenance:
    """For each part of the lifecycle: what local mode did, what the harness added, how often."""

    _parts: dict[str, tuple[str, str]] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def note(self, part: str, local: str, beside: str) -> None:
        self._parts.setdefault(part, (local, beside))
        self._counts[part] = self._counts.get(part, 0) + 1

    def rows(self) -> Iterator[list[Any]]:
        for part, (local, beside) in self._parts.items():
            yield [part, self._counts[part], local or "nothing", beside or "nothing"]


@dataclass
class LocalModeContext:
    client: Callable[[str], Any]
    """boto3 clients of the emulator, whatever the scenario's own session answers."""
    boto3: Any
    """A plain boto3 session, for the SDK's own sessions."""
    region: str
    account: str
    bucket: str
    folder: Path
    """For what containers are given; each job has a folder of its own in it, gone when the job is."""
    engine: ContainerEngine
    clock: EmulatorClock
    seen: Callable[[str, str], None]
    """Told ``(create operation, name)`` of everything created, for the report."""
    provenance: LocalModeProvenance = field(default_factory=LocalModeProvenance)

    def arn(self, kind: str, name: str) -> str:
        return arn(kind, self.account, self.region, name)

    def image(self, operation: str, uri: str) -> str:
        """What local mode is given for an AWS image URI."""
        try:
            return self.engine.resolve(uri)
        except EngineFailed as error:
            raise refused(operation, str(error)) from error

    def refused(self, operation: str, message: str, code: str) -> ClientError:
        """As ``refused``, of the class that the client has for the code: callers name it in ``except``."""
        kind = self.client("sagemaker").exceptions.from_code(code)
        plain = refused(operation, message, code)
        error: ClientError = kind(plain.response, operation)
        return error


def refused(operation: str, message: str, code: str = "ValidationException") -> ClientError:
    """The error a client of AWS would get."""
    metadata = {"HTTPStatusCode": 400, "RequestId": "local-mode", "HostId": "", "HTTPHeaders": {}, "RetryAttempts": 0}
    return ClientError({"Error": {"Code": code, "Message": message}, "ResponseMetadata": metadata}, operation)
