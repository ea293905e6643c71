"""The emulated AWS services other than SageMaker: ``AwsBackend`` and its implementations.

``moto`` (embedded, the default) keeps the bytes of S3 objects in files and their metadata in SQLite. ``remote`` uses
services outside this process: LocalStack, and any S3-compatible URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.kernel.http import Request, Response
from harness.stores.objects import ObjectStore


@dataclass(frozen=True)
class Metric:
    """One CloudWatch data point: a ``value``, or a statistic set (SampleCount, Sum, Minimum, Maximum)."""

    name: str
    timestamp: float
    dimensions: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    statistics: Mapping[str, float] | None = None
    unit: str = "None"


class AwsBackend(Protocol):
    """The services at the emulator's address: S3, STS, IAM, CloudWatch, CloudWatch Logs, ECR and possibly others."""

    name: str

    def services(self) -> frozenset[str]:
        """Return the signing names of the services it implements: ``s3``, ``sts``, ``iam``, ``logs``,
        ``monitoring``…"""

    def describe(self) -> Mapping[str, str]:
        """Describe the backend for ``harness status``, without waiting for it."""

    async def handle(self, service: str, request: Request, account: str, region: str) -> Response:
        """Answer a request to one of ``services``. Errors have the format of the service, never HTML."""

    def objects(self, account: str, region: str) -> ObjectStore: ...

    def put_metrics(self, account: str, region: str, namespace: str, metrics: Sequence[Metric]) -> None: ...

    def role_exists(self, account: str, role_arn: str) -> bool: ...

    def account_of(self, access_key: str) -> str | None:
        """Return the account whose IAM or STS issued this access key; None for other keys."""

    def secret_of(self, access_key: str) -> str | None:
        """Return the secret of a key; None if the key is unknown or its secret cannot be read."""

    def load(self) -> None:
        """Import the services and restore their state. Called once, in the background; all other calls wait for it."""

    def reset(self) -> None: ...

    def close(self) -> None: ...
