"""SageMaker SDK v2, unmodified: what waits ends with the work, and what is logged is shown once."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from tests.clients.conftest import PROGRAMS, WITHIN_A_SECOND, Client, Ended

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")


ROLE = "arn:aws:iam::123456789012:role/Anyone"
TICK = re.compile(r"tick (\d{4}) of pid \d+ at (\d+\.\d+)")
BY_WIRE = ("-I",)
"""An interpreter that ignores PYTHONPATH, and with it the start-up shim."""


def ticks(lines: Sequence[str]) -> list[int]:
    return [int(found[1]) for line in lines if (found := TICK.search(line))]


def lateness(ended: Ended) -> float:
    """The longest time from a line's writing in the job to its being shown by the client."""
    pairs = zip(ended.lines, ended.arrived, strict=True)
    return max(at - float(found[2]) for line, at in pairs if (found := TICK.search(line)))


def test_training_under_exec(client: Client) -> None:
    ended = client.program("v2_training.py", "3")
    told = ended.told
    assert told["shim"] is True
    assert told["bucket"] == "sagemaker-us-east-1-123456789012"
    assert told["role"].startswith("arn:aws:iam::123456789012:role/")
    assert ticks(ended.lines) == list(range(480))
    assert told["waited"] <= WITHIN_A_SECOND
    assert lateness(ended) < 3


def test_training_by_wire_only(client: Client) -> None:
    ended = client.program("v2_training.py", "6", ROLE, flags=BY_WIRE)
    told = ended.told
    assert told["shim"] is False
    assert ticks(ended.lines) == list(range(480))
    # The SDK looks first after five seconds; from then on its Describe is held until the job's end.
    assert told["waited"] <= WITHIN_A_SECOND


def check_inference(ended: Ended) -> None:
    told = ended.told
    assert ticks(ended.lines) == list(range(300))
    assert told["rows"] == 400
    assert [float(value) for value in told["batch"][:2]] == [pytest.approx(0.2, abs=0.2), pytest.approx(0.8, abs=0.2)]
    assert [round(float(value)) for row in told["answers"] for value in row] == [0, 1]
    assert told["instances"] == [1, 2]
    assert told["left"] == []
    assert told["took"]["deleted"] <= 2 * WITHIN_A_SECOND


def test_processing_transform_and_endpoint_under_exec(client: Client) -> None:
    ended = client.program("v2_inference.py", "2")
    check_inference(ended)
    assert {step: late for step, late in ended.told["waited"].items() if late > WITHIN_A_SECOND} == {}
    assert lateness(ended) < 3


def test_experiments_and_a_monitor_in_a_wired_shell(client: Client) -> None:
    told = client.shell(client.python, PROGRAMS / "v2_tracking.py").told
    assert told["components"] == ["job-aws-training-job", "tracked-first"]
    assert told["columns"] == ["num_round", "rows", "score - Last", "validation:auc - Last"]
    assert told["curve"] == ["validation:auc"]
    assert told["attached"] == [True, "5"]
    assert told["features"] == [["label", "Integral"], ["x", "Fractional"], ["y", "Integral"]]
    assert told["waited"] <= WITHIN_A_SECOND
    assert told["schedule"] == ["Scheduled", "Stopped"]
    assert told["left"] == []
