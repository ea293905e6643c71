"""An unmodified SDK v2 program from deployment to monitoring, in an interpreter of its own, wired as by ``exec``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clients.environment import Target, wiring
from tests.cloud import BUCKET, running_cloud
from tests.hosting import SERVER, catalogued_server

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")


PROGRAM = Path(__file__).parent / "programs" / "sdk_hosting.py"
ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"


@pytest.mark.slow
def test_the_sdk_deploys_predicts_transforms_and_monitors(tmp_path: Path) -> None:
    with catalogued_server(), running_cloud(tmp_path / ".harness") as cloud:
        target = Target(cloud.address, "us-east-1", "123456789012")
        environment = wiring(target, tmp_path / "wiring", os.environ).applied_to(os.environ)
        clock = (f"{cloud.address}/_harness/clock", str(cloud.state / "admin-token"))
        command = [sys.executable, str(PROGRAM), SERVER, ANALYZER, BUCKET, *clock]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        seen = json.loads(ended.stdout.splitlines()[-1])
    assert seen["predicted"] == "3\n"
    assert seen["columns"] == ["size", "a", "b", "c"]
    assert seen["executions"] == ["CompletedWithViolations", "Completed"]
    assert (seen["jobs"], seen["items"]) == (2, 1)
    assert seen["violations"] == ["extra_column_check"]
    assert (seen["monitors"], seen["schedules"]) == (["sdk"], [])
    assert (seen["capture"], seen["captured_more"]) == ("Stopped", 0)
    assert (seen["instances"], seen["again"]) == (2, "2\n")
    assert seen["transformed"] == "1,2,2\n3,4,5,3\n"
    assert seen["endpoints"] in ([], ["Deleting"])
