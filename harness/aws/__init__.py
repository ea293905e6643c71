"""The AWS services behind the emulator that are not SageMaker: ``AwsBackend`` and its implementations.

``moto`` (embedded, the default) keeps the bytes of S3 objects in files and their metadata in SQLite. ``remote`` has
those that lie outside this process: LocalStack, and any S3-compatible URL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.kernel.http import Request, Response
from harness.stores.objects import ObjectStore


@dataclass(frozen=True)
class Metric:
    """One CloudWatch datum: a ``value``, or a statistic set (SampleCount, Sum, Minimum, Maximum)."""

    name: str
    timestamp: float
    dimensions: Mapping[str, str] = field(default_factory=dict)
    value: float | None = None
    statistics: Mapping[str, float] | None = None
    unit: str = "None"


class AwsBackend(Protocol):
    """S3, STS, IAM, CloudWatch, CloudWatch Logs, ECR (and what else it knows) behind the emulator's one address."""

    name: str

    def services(self) -> frozenset[str]:
        """Names of the services it answers, as they sign: ``s3``, ``sts``, ``iam``, ``logs``, ``monitoring``…"""

    def describe(self) -> Mapping[str, str]:
        """For ``status``: what stands behind the address, without waiting for it."""

    async def handle(self, service: str, request: Request, account: str, region: str) -> Response:
        """Answer one request to one of ``services``. Errors come as that service's own error documents, never HTML."""

    def objects(self, account: str, region: str) -> ObjectStore: ...

    def put_metrics(self, account: str, region: str, namespace: str, metrics: Sequence[Metric]) -> None: ...

    def role_exists(self, account: str, role_arn: str) -> bool: ...

    def account_of(self, access_key: str) -> str | None:
        """The account whose IAM or STS gave out this access key; None for keys it does not know."""

    def secret_of(self, access_key: str) -> str | None:
        """The secret that goes with such a key; None for keys it does not know, or whose secret it does not tell."""

    def load(self) -> None:
        """Import and restore; called once, in the background, right after start. Every other call waits for it."""

    def reset(self) -> None: ...

    def close(self) -> None: ...
