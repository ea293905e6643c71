"""Emulators whose backing AWS is the test run's LocalStack, which is not theirs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.cloud import Cloud, running_cloud

HOME = "000000000000"


@pytest.fixture(scope="session")
def cloud(localstack: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LOCALSTACK_ENDPOINT", localstack)
        state = tmp_path_factory.mktemp("cloud") / ".harness"
        with running_cloud(state, aws_backend="localstack", account=HOME) as made:
            yield made
