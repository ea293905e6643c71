"""SIGKILL of the emulator in the middle of a transform job and with an endpoint in service: what the next one finds."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import xgboost

from tests.cloud import BUCKET, XGBOOST, Cloud, eventually
from tests.hosting import Hosting, archive
from tests.processes import servers_of

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


MARK = f"code/{uuid.uuid4().hex}"


@contextlib.contextmanager
def process(state: Path) -> Iterator[tuple[subprocess.Popen[str], Hosting]]:
    """An emulator in a process of its own; asked to end politely if it still runs."""
    command = [sys.executable, "-m", "harness.emulator", "--state", str(state), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as emulator:
        assert emulator.stdout is not None
        cloud = Cloud(emulator.stdout.readline().strip(), state)
        hosting = Hosting(cloud)
        try:
            yield emulator, hosting
        finally:
            hosting.close()
            cloud.close()
            emulator.terminate()
            emulator.wait(30)


def model(hosting: Hosting) -> str:
    booster = xgboost.train({}, xgboost.DMatrix([[0.0], [1.0]], label=[0, 1]), 1)
    files = {"xgboost-model": bytes(booster.save_raw("ubj")), MARK: "other runs of this test have another name here"}
    hosting.cloud.s3.create_bucket(Bucket=BUCKET)
    single = hosting.cloud.put("model/model.tar.gz", archive(files))
    hosting.cloud.put("in/rows.csv", "1\n" * 200_000)
    return hosting.model(single, image=XGBOOST)


@pytest.mark.slow
@pytest.mark.needs("namespaces")
def test_what_the_next_emulator_finds(tmp_path: Path) -> None:
    state = tmp_path / ".harness"
    with process(state) as (emulator, hosting):
        name = model(hosting)
        endpoint = hosting.serve(hosting.variant(name, count=2))
        before = hosting.invoke(endpoint, "1.0")["Body"]
        job = hosting.begin_transform(name, f"s3://{BUCKET}/in/", BatchStrategy="SingleRecord")
        eventually(lambda: len(servers_of(MARK)) == 3)
        emulator.send_signal(signal.SIGKILL)
        emulator.wait()
    eventually(lambda: servers_of(MARK) == [], 10)
    with process(state) as (_, hosting):
        found = hosting.transformed(job)
        assert found["TransformJobStatus"] == "Failed"
        assert "The emulator was stopped while the job was running" in found["FailureReason"]
        assert found["TransformEndTime"]
        assert hosting.settled(endpoint)["EndpointStatus"] == "InService"
        assert hosting.invoke(endpoint, "1.0")["Body"] == before
        assert len(servers_of(MARK)) == 2
    assert servers_of(MARK) == []
