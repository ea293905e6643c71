"""An emulator for the tests of a file (a process has room for one), and expectations of a session on it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from harness.asserts import Expectations
from tests.asserts.told import Told
from tests.cloud import Cloud, running_cloud
from tests.hosting import Hosting, catalogued_server


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with running_cloud(tmp_path_factory.mktemp("cloud") / ".harness") as made:
        yield made


@pytest.fixture(scope="module")
def hosting(cloud: Cloud) -> Iterator[Hosting]:
    with catalogued_server():
        made = Hosting(cloud)
        yield made
        made.close()


@pytest.fixture
def session(cloud: Cloud) -> Iterator[Told]:
    told = Told(cloud)
    yield told
    told.close()


@pytest.fixture
def expects(session: Told) -> Expectations:
    return Expectations(session)  # type: ignore[arg-type]
