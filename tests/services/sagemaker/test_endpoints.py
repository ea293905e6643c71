"""Endpoints as records: what the engine is told, and what is refused before it is. What runs: tests/engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.emulator import Emulator, Parts
from harness.engine.lifecycle import move
from harness.kernel.records import Key
from harness.settings import Settings
from harness.stores.memory import MemoryRecords
from tests.services.conftest import Idle, client
from tests.services.sagemaker.test_endpoint_configs import CAPTURE, VARIANT
from tests.services.sagemaker.test_models import create as create_model

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: CreateEndpoint, UpdateEndpoint and their siblings"
)


ARN = "arn:aws:sagemaker:us-east-1:123456789012:endpoint/e"
KEY = Key("endpoint", "123456789012", "us-east-1", "e")


class Told(Idle):
    def __init__(self) -> None:
        self.keys: list[Key] = []

    def reconcile(self, key: Key) -> None:
        self.keys.append(key)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def records_emulator(tmp_path: Path, told: Told) -> Iterator[Emulator]:
    parts: dict[str, Any] = {name: lambda *_: Idle() for name in ("logs", "aws", "runner")}
    with Emulator(
        Settings(state=tmp_path / "state", port=0),
        Parts(records=lambda _: MemoryRecords(), engine=lambda *_: told, **parts),  # type: ignore[arg-type, return-value]
    ) as found:
        yield found


@pytest.fixture
def sagemaker(records_emulator: Emulator) -> Iterator[Any]:
    found = client(records_emulator, "sagemaker")
    create_model(found)
    for name in ("c", "d"):
        found.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[VARIANT], DataCaptureConfig=CAPTURE)
    yield found
    found.close()


def settle(emulator: Emulator, status: str) -> None:
    emulator.records.change(KEY, lambda record: move(record, status))


def test_an_endpoint_is_made_by_the_engine(sagemaker: Any, told: Told) -> None:
    assert sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")["EndpointArn"] == ARN
    assert told.keys == [KEY]
    found = sagemaker.describe_endpoint(EndpointName="e")
    assert [found[member] for member in ("EndpointName", "EndpointArn", "EndpointConfigName", "EndpointStatus")] == [
        "e", ARN, "c", "Creating"
    ]  # fmt: skip
    assert found["LastModifiedTime"] == found["CreationTime"]
    [listed] = sagemaker.list_endpoints(StatusEquals="Creating")["Endpoints"]
    assert (listed["EndpointArn"], listed["EndpointStatus"]) == (ARN, "Creating")
    assert sagemaker.list_endpoints(StatusEquals="InService")["Endpoints"] == []


@pytest.mark.provenance("documented", source="source code: aws/amazon-sagemaker-operator-for-k8s")
def test_every_refusal_is_in_the_services_words(sagemaker: Any, records_emulator: Emulator, told: Told) -> None:
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    weights = [{"VariantName": "v", "DesiredWeight": 1.0}]
    busy, missing = f'Cannot update in-progress endpoint "{ARN}".', f'Could not find endpoint "{ARN[:-1]}n".'
    taken = f'Cannot create already existing endpoint "{ARN}".'
    no_config = 'Could not find endpoint configuration "arn:aws:sagemaker:us-east-1:123456789012:endpoint-config/n".'
    for call, words in (
        (lambda: sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c"), taken),
        (lambda: sagemaker.create_endpoint(EndpointName="E", EndpointConfigName="c"), taken),
        (lambda: sagemaker.create_endpoint(EndpointName="n", EndpointConfigName="n"), no_config),
        (lambda: sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="d"), busy),
        (lambda: sagemaker.delete_endpoint(EndpointName="e"), busy),
        (
            lambda: sagemaker.update_endpoint_weights_and_capacities(
                EndpointName="e", DesiredWeightsAndCapacities=weights
            ),
            busy,
        ),
        (lambda: sagemaker.describe_endpoint(EndpointName="n"), missing),
        (lambda: sagemaker.delete_endpoint(EndpointName="n"), missing),
        (lambda: sagemaker.update_endpoint(EndpointName="n", EndpointConfigName="d"), missing),
    ):
        with pytest.raises(ClientError) as raised:
            call()
        error = raised.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("ValidationException", words)
    assert told.keys == [KEY]


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_an_update_needs_the_configuration_in_use(sagemaker: Any, records_emulator: Emulator, told: Told) -> None:
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    settle(records_emulator, "InService")
    arn = sagemaker.describe_endpoint_config(EndpointConfigName="c")["EndpointConfigArn"]
    sagemaker.delete_endpoint_config(EndpointConfigName="c")
    with pytest.raises(ClientError) as raised:
        sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="d")
    error = raised.value.response["Error"]
    assert (error["Code"], error["Message"]) == (
        "ValidationException", f'Could not find endpoint configuration "{arn}".'
    )  # fmt: skip
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"


def test_a_failed_endpoint_can_only_be_deleted(sagemaker: Any, records_emulator: Emulator, told: Told) -> None:
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    settle(records_emulator, "Failed")
    with pytest.raises(ClientError, match="Cannot update"):
        sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="d")
    sagemaker.delete_endpoint(EndpointName="e")
    assert sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "Deleting"
    with pytest.raises(ClientError, match="Cannot create already existing endpoint"):
        sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")


def test_an_update_shows_what_still_serves(sagemaker: Any, records_emulator: Emulator, told: Told) -> None:
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    settle(records_emulator, "InService")
    sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="d")
    found = sagemaker.describe_endpoint(EndpointName="e")
    assert (found["EndpointStatus"], found["EndpointConfigName"]) == ("Updating", "c")
    assert told.keys == [KEY, KEY]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_deployment_guardrails_are_refused(sagemaker: Any, records_emulator: Emulator) -> None:
    sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    settle(records_emulator, "InService")
    routing = {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": 0}
    policy = {"BlueGreenUpdatePolicy": {"TrafficRoutingConfiguration": routing}}
    with pytest.raises(ClientError, match="DeploymentConfig: not supported by harness"):
        sagemaker.update_endpoint(EndpointName="e", EndpointConfigName="d", DeploymentConfig=policy)
