"""Endpoints across the emulator's own life: a restart brings them back, an end leaves nothing and warns of nothing."""

from __future__ import annotations

import gc
import uuid
import warnings
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from harness.stores.sqlite import SqliteRecords
from tests.cloud import BUCKET, eventually, running_cloud
from tests.hosting import Hosting, archive, catalogued_server
from tests.processes import servers_of

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


WEIGHTS = f"weights-{uuid.uuid4().hex}"


@pytest.fixture(autouse=True)
def _server_image() -> Iterator[None]:
    with catalogued_server():
        yield


def test_endpoints_come_back_after_a_restart(tmp_path: Path) -> None:
    with running_cloud(tmp_path / ".harness") as cloud:
        hosting = Hosting(cloud)
        uri = cloud.put("m/model.tar.gz", archive({WEIGHTS: "1"}))
        endpoint = hosting.serve(hosting.variant(hosting.model(uri, ANSWER="facts"), count=2))
        bad = hosting.begin(hosting.variant(hosting.model(PING="exit")))
        hosting.settled(bad)
        assert hosting.facts(endpoint)["files"] == {WEIGHTS: "1"}
        hosting.close()
    assert servers_of(WEIGHTS) == []
    with running_cloud(tmp_path / ".harness") as cloud:
        hosting = Hosting(cloud)
        found = hosting.settled(endpoint)
        assert found["EndpointStatus"] == "InService"
        assert found["ProductionVariants"][0]["CurrentInstanceCount"] == 2
        assert hosting.facts(endpoint)["files"] == {WEIGHTS: "1"}
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
        gc.collect()
    assert [str(item.message) for item in caught if issubclass(item.category, ResourceWarning)] == []


def test_what_was_captured_is_written_when_the_emulator_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.engine.local.LOOK_INTERVAL", 3600.0)
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


def test_an_endpoint_that_was_being_created_is_created_after_the_restart(tmp_path: Path) -> None:
    with running_cloud(tmp_path / ".harness") as cloud:
        hosting = Hosting(cloud)
        endpoint = hosting.begin(hosting.variant(hosting.model(PING="503")))
        eventually(lambda: cloud.logs.describe_log_groups()["logGroups"])
        hosting.close()
    with running_cloud(tmp_path / ".harness") as cloud:
        assert cloud.sagemaker.describe_endpoint(EndpointName=endpoint)["EndpointStatus"] == "Creating"


def test_an_update_cut_short_by_the_end_of_the_emulator_falls_back(tmp_path: Path) -> None:
    state = tmp_path / ".harness"
    with running_cloud(state) as cloud:
        hosting = Hosting(cloud)
        endpoint = hosting.serve(hosting.variant(hosting.model(), "old"))
        before = hosting.settled(endpoint)["EndpointConfigName"]
        loading = hosting.config(hosting.variant(hosting.model(PING="503"), "new"))
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=loading)
        hosting.close()
    with closing(SqliteRecords(state / "records.sqlite")) as records:
        [record] = records.scan("endpoint")
        assert record.state == "Updating"
        wanted = record.inner["wanted"]
        model = wanted["variants"][0]["Model"]
        model["PrimaryContainer"]["Environment"]["PING"] = "exit"
        records.change(record.key, lambda found: replace(found, inner={**found.inner, "wanted": wanted}))
    with running_cloud(state) as cloud:
        hosting = Hosting(cloud)
        found = hosting.settled(endpoint)
        assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("InService", before)
        assert "production variant new did not pass" in found["FailureReason"]
        assert hosting.invoke(endpoint)["InvokedProductionVariant"] == "old"
        hosting.close()
