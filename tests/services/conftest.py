"""Services as a client meets them: boto3 over HTTP, records in memory, and nothing that would run a job."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from harness.emulator import Emulator, Parts
from harness.settings import Settings
from harness.stores.memory import MemoryRecords


class Idle:
    """Stands where a part is not needed: it can be loaded and closed, and whoever asks more of it fails the test."""

    def load(self) -> None: ...

    def recover(self) -> None: ...

    def refuses_several_hosts(self) -> str:
        return ""

    def runs_as(self, uid: int) -> bool:
        return False

    def sweep(self) -> list[str]:
        return []

    def close(self) -> None: ...


@pytest.fixture
def records_emulator(tmp_path: Path) -> Iterator[Emulator]:
    """An emulator of records only: every noun without behaviour works, nothing can be run."""
    parts: dict[str, Any] = {name: lambda *_: Idle() for name in ("logs", "aws", "runner", "engine")}
    with Emulator(
        Settings(state=tmp_path / "state", port=0), Parts(records=lambda _: MemoryRecords(), **parts)
    ) as found:
        yield found


def client(emulator: Emulator, service: str) -> Any:
    return boto3.client(
        service,
        endpoint_url=emulator.address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def sagemaker(records_emulator: Emulator) -> Iterator[Any]:
    found = client(records_emulator, "sagemaker")
    yield found
    found.close()


@pytest.fixture
def metrics(records_emulator: Emulator) -> Iterator[Any]:
    found = client(records_emulator, "sagemaker-metrics")
    yield found
    found.close()
