"""One suite for every backend: what is true of the embedded one is true of those outside this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.aws import AwsBackend
from tests.aws.moto.serving import ACCOUNT, client, serve


@dataclass
class Backed:
    """A backend, and clients that reach the same services by wire."""

    backend: AwsBackend
    client: Callable[[str], Any]


@pytest.fixture(params=["moto", pytest.param("localstack", marks=pytest.mark.needs("localstack"))])
def backed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Backed]:
    if request.param == "moto":
        with serve(tmp_path / "state") as served:
            yield Backed(served.backend, served.client)
        return
    from harness.aws.moto import MotoBackend
    from harness.aws.remote.health import ask
    from harness.aws.remote.host_mode import HostMode
    from harness.aws.remote.localstack import LocalStackBackend
    from harness.aws.remote.source import Source
    from harness.stores.log_files import LogFiles

    address = request.getfixturevalue("localstack")
    logs = LogFiles(tmp_path / "logs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALSTACK_ENDPOINT", address)
        source = Source(HostMode(tmp_path / "localstack", lambda: tmp_path))
        source.look()
    moto = MotoBackend(tmp_path / "state", logs)
    backend = LocalStackBackend(source, moto, logs, tmp_path / "state", ACCOUNT, "us-east-1")
    yield Backed(backend, lambda service: client(address, service))
    # What the suite makes must not meet itself again.
    backend.reset()
    backend.close()
    logs.close()
    assert ask(address) is not None
