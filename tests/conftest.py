"""For what is tested through the wire: a whole emulator in this process, on a state folder of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.needs import check_needs

# CI pins the harness's own packages with it. Tests also install other releases, as users do.
os.environ.pop("UV_CONSTRAINT", None)


def pytest_runtest_setup(item: pytest.Item) -> None:
    check_needs(item)


@dataclass
class RunningEmulator:
    """``emulator.client("sagemaker")`` is a boto3 client of it; ``address`` and ``state`` are for everything else."""

    address: str
    state: Path
    emulator: Any

    def client(self, service: str, account: str = "test", region: str = "us-east-1", **config: Any) -> Any:
        import boto3
        from botocore.config import Config

        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name=region,
            aws_access_key_id=account,
            aws_secret_access_key="test",
            config=Config(read_timeout=70, retries={"total_max_attempts": 1}, **config),
        )


@pytest.fixture
def emulator(tmp_path: Path) -> Iterator[RunningEmulator]:
    from harness.emulator import Emulator
    from harness.settings import Settings

    with Emulator(Settings(state=tmp_path / ".harness", port=0, grace=5.0)) as running:
        yield RunningEmulator(address=running.address, state=running.state, emulator=running)


@pytest.fixture(scope="session")
def localstack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a LocalStack that belongs to nobody in particular. One per test run; tests share what is in it."""
    from harness.aws.remote.host_mode import HostMode
    from harness.emulator.localstack import ENVIRONMENT
    from harness.runners.process.environments import Environments

    running = HostMode(tmp_path_factory.mktemp("localstack") / "files", lambda: Environments().path(ENVIRONMENT))
    address, _ = running.start()
    yield address
    running.stop()
