"""Endpoints across the emulator's own life: a restart brings them back, an end leaves nothing and warns of nothing."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cloud import BUCKET, running_cloud
from tests.hosting import Hosting, archive, catalogued_server
from tests.processes import servers_of


@pytest.fixture(autouse=True)
def _server_image() -> Iterator[None]:
    with catalogued_server():
        yield



def test_endpoints_come_back_after_a_restart(tmp_path: Path) -> None:
    with running_cloud(tmp_path / ".harness") as cloud:
        hosting = Hosting(cloud)
        uri = cloud.put("m/model.tar.gz", archive({"the-weights-of-before": "1"}))
        endpoint = hosting.serve(hosting.variant(hosting.model(uri, ANSWER="facts"), count=2))
        bad = hosting.begin(hosting.variant(hosting.model(PING="exit")))
        hosting.settled(bad)
        assert hosting.facts(endpoint)["files"] == {"the-weights-of-before": "1"}
        hosting.close()
    assert servers_of("the-weights-of-before") == []
    with running_cloud(tmp_path / ".harness") as cloud:
        hosting = Hosting(cloud)
        found = hosting.settled(endpoint)
        assert found["EndpointStatus"] == "InService"
        assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
        assert hosting.facts(endpoint)["files"] == {"the-weights-of-before": "1"}
        assert hosting.settled(bad)["EndpointStatus"] == "Failed"
        hosting.close()


def test_an_emulator_that_ends_leaves_no_connection_open(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with running_cloud(tmp_path / ".harness") as cloud:
            hosting = Hosting(cloud)
            endpoint = hosting.serve(hosting.variant(hosting.model(), count=2))
            for _ in range(10):
                hosting.invoke(endpoint)
            hosting.close()
        import gc

        gc.collect()
    assert [str(item.message) for item in caught if issubclass(item.category, ResourceWarning)] == []


def test_what_was_captured_is_written_when_the_emulator_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.engine.local.FLUSH_INTERVAL", 3600.0)
    with running_cloud(tmp_path / ".harness") as cloud:
        hosting = Hosting(cloud)
        capture = {
            "EnableCapture": True,
            "InitialSamplingPercentage": 100,
            "DestinationS3Uri": f"s3://{BUCKET}/captured",
            "CaptureOptions": [{"CaptureMode": "Output"}],
        }
        endpoint = hosting.serve(hosting.variant(hosting.model()), DataCaptureConfig=capture)
        hosting.invoke(endpoint)
        assert cloud.keys("captured/") == []
        hosting.close()
    with running_cloud(tmp_path / ".harness") as cloud:
        assert len(cloud.keys("captured/")) == 1
