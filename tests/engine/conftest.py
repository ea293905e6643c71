"""One emulator for all tests of the engine: jobs do not see each other, which is part of what is tested."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import Cloud, running_cloud
from tests.hosting import Hosting, catalogued_server


@pytest.fixture(scope="session")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud") / ".harness") as made:
        yield made


@pytest.fixture(scope="session")
def hosting(cloud: Cloud) -> Iterator[Hosting]:
    with catalogued_server():
        made = Hosting(cloud)
        yield made
        made.close()
