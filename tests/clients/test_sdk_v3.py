"""SageMaker SDK v3, unmodified, in the environment that scenarios of that generation run in."""

from __future__ import annotations

import json

import pytest

from harness.clients.environment import ROLE_NAME
from harness.profiles.sdk_environments import python_for
from tests.clients.conftest import WITHIN_A_SECOND, Client
from tests.clients.test_sdk_v2 import BY_WIRE, lateness, ticks

ROLE = f"arn:aws:iam::123456789012:role/{ROLE_NAME}"

pytestmark = [
    pytest.mark.needs("index"),
    pytest.mark.slow,
    pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk"),
]


@pytest.fixture
def user(newcomer: Client) -> Client:
    newcomer.python = python_for("v3", print)
    assert newcomer.run("start").returncode == 0
    return newcomer


@pytest.mark.parametrize(("flags", "role"), [((), None), (BY_WIRE, ROLE)], ids=["exec", "wire"])
def test_a_trainer_and_an_endpoint(user: Client, flags: tuple[str, ...], role: str | None) -> None:
    # The SDK's own checks of the role: SimulatePrincipalPolicy and GetRole.
    arguments = ["4", *([role] if role else [])]
    ended = user.program("v3_training.py", *arguments, flags=flags, SAGEMAKER_VALIDATE_ROLE="true")
    told = ended.told
    calls = [json.loads(line) for line in (user.state / "emulator.log").read_text().splitlines()]
    assert {call["status"] for call in calls if call["service"] == "iam"} == {200}
    assert told["shim"] is (role is None)
    assert ticks(ended.lines) == list(range(480))
    if role is None:
        assert lateness(ended) < 3
    assert {step: late for step, late in told["waited"].items() if late > WITHIN_A_SECOND} == {}
    assert told["deleted"] <= 2 * WITHIN_A_SECOND
    assert (told["status"], told["listed"], told["left"]) == ("Completed", True, [])
    assert [round(float(value)) for value in told["answer"]] == [0, 1]


def test_a_processor_a_transformer_and_a_builder(user: Client) -> None:
    ended = user.program("v3_serving.py", "3", SAGEMAKER_VALIDATE_ROLE="true")
    told = ended.told
    assert ticks(ended.lines) == list(range(300))
    assert {step: late for step, late in told["waited"].items() if late > WITHIN_A_SECOND} == {}
    assert told["status"] == "InService"
    assert [round(float(value)) for value in told["answer"]] == [0, 1]
    assert told["registry"] == ["PendingManualApproval", "Approved", "Completed"]
