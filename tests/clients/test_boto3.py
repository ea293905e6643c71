"""Plain boto3: its waiters, other accounts and regions, and what S3 is used for beside the SDKs."""

from __future__ import annotations

import boto3
import pytest

from harness.clients.emulator_process import find
from tests.clients.conftest import WITHIN_A_SECOND, Client, Ended
from tests.clients.environments import built
from tests.clients.test_sdk_v2 import BY_WIRE

pytestmark = pytest.mark.provenance("documented", source="botocore model")


OLDEST = "1.28.0"
"""The first that heeds AWS_ENDPOINT_URL."""


def check_waiting(ended: Ended) -> None:
    told = ended.told
    assert len(told["waited"]) == 4
    assert {waiter: late for waiter, late in told["waited"].items() if late > WITHIN_A_SECOND} == {}
    assert told["deleted"] <= 2 * WITHIN_A_SECOND
    assert (told["rows"], told["answer"], told["variant"], told["ticks"]) == (400, [0, 1], "AllTraffic", 480)


@pytest.mark.parametrize("flags", [(), BY_WIRE], ids=["exec", "wire"])
def test_waiters_return_with_the_work(newcomer: Client, flags: tuple[str, ...]) -> None:
    ended = newcomer.program("boto3_waiters.py", flags=flags)
    check_waiting(ended)
    assert ended.told["shim"] is (flags == ())


@pytest.mark.needs("index")
def test_waiters_of_an_old_release(newcomer: Client, pytestconfig: pytest.Config) -> None:
    newcomer.python = built(pytestconfig, "boto3", f"boto3=={OLDEST}", "botocore==1.31.0")
    # Under the shim: so old a release does not say that a waiter asks, and by wire looks again only after a delay.
    ended = newcomer.program("boto3_waiters.py")
    assert ended.told["boto3"] == OLDEST
    check_waiting(ended)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_accounts_regions_and_objects(newcomer: Client) -> None:
    told = newcomer.program("boto3_storage.py").told
    assert told == {
        "account": "111122223333",
        "own account": "123456789012",
        "location": "eu-west-1",
        "parts": "4",
        "size": True,
        "back": True,
        "part": True,
        "keys": ["big.bin", "by/hand é.txt", "copies/big.bin"],
        "presigned": [200, "hello"],
        "arn": "arn:aws:sagemaker:eu-west-1:111122223333:model/there",
        "seen by others": 'Could not find model "arn:aws:sagemaker:us-east-1:123456789012:model/there".',
    }


def test_every_list_has_its_own_member_also_when_it_is_empty(client: Client) -> None:
    emulator = find(client.state)
    assert emulator is not None
    supported = emulator.ask("/_harness/coverage")["services"]["sagemaker"]["supported"]
    sagemaker = boto3.client(
        "sagemaker",
        endpoint_url=emulator.address,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
    )
    model = sagemaker.meta.service_model
    without = []
    for operation in (name for name in supported if name.startswith("List")):
        shape = model.operation_model(operation)
        if shape.input_shape.required_members or operation == "ListPipelineExecutionSteps":  # which needs an execution
            continue
        wanted = set(shape.output_shape.members) - {"NextToken"}
        answer = sagemaker._make_api_call(operation, {})
        without += [operation] if not wanted & answer.keys() else []
    assert without == []
