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


def test_script_mode(client: Client) -> None:
    ended = client.program("v2_script_mode.py")
    told = ended.told
    assert told["metrics"] == {"accuracy": 1.0}
    assert 'accuracy: 1.000 note: two words hosts: ["algo-1"]' in ended.lines
    assert told["answered"] == {"late": [0, 1]}
    assert told["batch"] == "0\n1\n"
    assert [float(value) > 0.5 for row in told["scores"] for value in row] == [False, True]
    assert told["errors"]["raised"][0] == 500
    assert "Internal Server Error" in told["errors"]["raised"][1]
    assert told["errors"]["type"][0] == 415
    assert "Content type image/png is not supported by this framework." in told["errors"]["type"][1]
    raised, wrong, without = (told["failures"][name] for name in ("raises", "arguments", "no model_fn"))
    assert raised[0] == wrong[0] == without[0] == "Failed"
    assert raised[1].startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage ""\nCommand "')
    assert raised[1].endswith('classify.py --fail yes", exit code: 1')
    assert "ExitCode 2" in wrong[1]
    assert "RuntimeError: the table is empty" in ended.lines
    assert "Please provide a model_fn implementation." in without[1], without[1]
