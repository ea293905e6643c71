"""The emulator dies by SIGKILL while containers run: the next one removes them and settles their jobs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import BUCKET, Cloud
from tests.runners.docker.conftest import BASE

pytestmark = pytest.mark.needs("docker")


@contextmanager
def emulator(state: Path, ending: int) -> Iterator[Cloud]:
    """A process of its own, ended by a signal."""
    command = [sys.executable, "-m", "harness.emulator", "--state", str(state), "--port", "0", "--runner", "docker"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=state.parent, env=environment) as process:
        assert process.stdout
        cloud = Cloud(process.stdout.readline().strip(), state)
        try:
            yield cloud
        finally:
            cloud.close()
            process.send_signal(ending)
            process.wait(30)


def test_containers_of_a_killed_emulator(tmp_path: Path, docker_client: Any) -> None:
    state = tmp_path / ".harness"
    wanted = {"filters": {"label": f"harness.state={state}"}}
    with emulator(state, signal.SIGKILL) as cloud:
        cloud.s3.create_bucket(Bucket=BUCKET)
        job = cloud.start_processing(image=BASE, entrypoint=["sh", "-c", "echo up; sleep 600"])
        cloud.says(job, "up")
    assert len(docker_client.containers(**wanted)) == 1
    with emulator(state, signal.SIGTERM) as cloud:
        assert docker_client.containers(all=True, **wanted) == []
        ended = cloud.processed(job)
        assert ended["ProcessingJobStatus"] == "Failed"
        assert "emulator was stopped while the job was running" in ended["FailureReason"]
        again = cloud.process(name="again", image=BASE, entrypoint=["echo", "well"])
        assert again["ProcessingJobStatus"] == "Completed"
    assert docker_client.networks(**wanted) == []
