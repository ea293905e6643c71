"""Updates of endpoints through boto3: they keep answering, fall back when the new set fails, and share as weighted."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import BUCKET, eventually
from tests.hosting import Hosting, archive
from tests.processes import servers_of

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: UpdateEndpoint, UpdateEndpointWeightsAndCapacities"
)


CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/captured",
    "CaptureOptions": [{"CaptureMode": "Input"}],
}


def share(hosting: Hosting, endpoint: str, calls: int = 300) -> Counter[str]:
    return Counter(hosting.invoke(endpoint)["InvokedProductionVariant"] for _ in range(calls))


@pytest.mark.provenance("documented", source="Developer guide: Test models in production")
def test_traffic_is_shared_by_weight(hosting: Hosting) -> None:
    model = hosting.model()
    endpoint = hosting.serve(
        hosting.variant(model, "a", 3.0), hosting.variant(model, "b"), hosting.variant(model, "c", 0)
    )
    found = share(hosting, endpoint, 400)
    assert found["a"] + found["b"] == 400
    assert 0.65 < found["a"] / 400 < 0.85  # 3 of 4; five standard deviations
    assert hosting.invoke(endpoint, TargetVariant="c")["InvokedProductionVariant"] == "c"
    with pytest.raises(ClientError, match="Variant 'd' was not found"):
        hosting.invoke(endpoint, TargetVariant="d")
    wanted = [
        {"VariantName": "a", "DesiredWeight": 0},
        {"VariantName": "c", "DesiredWeight": 5, "DesiredInstanceCount": 2},
    ]
    hosting.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
    described = hosting.settled(endpoint)
    variants = {item["VariantName"]: item for item in described["ProductionVariants"]}
    assert [variants[name]["CurrentWeight"] for name in "abc"] == [0, 1, 5]
    assert variants["c"]["CurrentInstanceCount"] == 2
    assert share(hosting, endpoint, 100)["a"] == 0
    hosting.remove(endpoint)


@pytest.mark.provenance("assumed", source="no named source: an endpoint whose weights are all zero")
def test_without_any_weight_only_a_target_is_answered(hosting: Hosting) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model(), "a", 0))
    with pytest.raises(ClientError, match="weights of all its variants are 0"):
        hosting.invoke(endpoint)
    assert hosting.invoke(endpoint, TargetVariant="a")["Body"] == b"1,2"
    hosting.remove(endpoint)


def test_an_endpoint_answers_all_through_its_update(hosting: Hosting) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model(), "old"))
    answered: list[str] = []
    enough = threading.Event()

    def keep_asking() -> None:
        while not enough.is_set():
            answered.append(hosting.invoke(endpoint)["InvokedProductionVariant"])

    asking = threading.Thread(target=keep_asking)
    asking.start()
    try:
        eventually(lambda: answered)
        config = hosting.config(hosting.variant(hosting.model(), "new"), DataCaptureConfig=CAPTURE)
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        with pytest.raises(ClientError, match="Cannot update in-progress endpoint"):
            hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
        found = hosting.settled(endpoint)
        eventually(lambda: answered[-1] == "new")
    finally:
        enough.set()
        asking.join()
    assert found["EndpointConfigName"] == config
    assert found["DataCaptureConfig"]["CaptureStatus"] == "Started"
    assert found["DataCaptureConfig"]["CurrentSamplingPercentage"] == 100
    assert answered.index("new") == answered.count("old")
    hosting.remove(endpoint)


def stages(variants: list[dict[str, Any]]) -> dict[str, list[str]]:
    return {item["VariantName"]: [stage["Status"] for stage in item["VariantStatus"]] for item in variants}


def test_what_is_under_way_is_described(hosting: Hosting) -> None:
    """Each first Describe after a change comes long before a server can be up."""

    def described() -> dict[str, Any]:
        found: dict[str, Any] = hosting.sagemaker.describe_endpoint(EndpointName=endpoint)
        return found

    model = hosting.model()
    endpoint = hosting.begin(hosting.variant(model, "v"))
    creating = described()
    pending = creating["PendingDeploymentSummary"]
    assert (creating["EndpointStatus"], pending["EndpointConfigName"]) == ("Creating", creating["EndpointConfigName"])
    assert stages(pending["ProductionVariants"]) == {"v": ["Creating"]}
    [variant] = pending["ProductionVariants"]
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (0, 1)
    before = hosting.settled(endpoint)
    assert "PendingDeploymentSummary" not in before
    assert "VariantStatus" not in before["ProductionVariants"][0]

    config = hosting.config(hosting.variant(model, "new", count=2))
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    updating = described()
    assert updating["ProductionVariants"] == before["ProductionVariants"]
    pending = updating["PendingDeploymentSummary"]
    assert pending["EndpointConfigName"] == config
    assert pending["StartTime"] > updating["CreationTime"]
    assert stages(pending["ProductionVariants"]) == {"new": ["Creating"]}
    assert "PendingDeploymentSummary" not in hosting.settled(endpoint)

    wanted = [{"VariantName": "new", "DesiredWeight": 5, "DesiredInstanceCount": 3}]
    hosting.sagemaker.update_endpoint_weights_and_capacities(EndpointName=endpoint, DesiredWeightsAndCapacities=wanted)
    resizing = described()
    assert "PendingDeploymentSummary" not in resizing
    assert stages(resizing["ProductionVariants"]) == {"new": ["Updating"]}
    [variant] = resizing["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["DesiredWeight"]) == (1, 5)
    assert (variant["CurrentInstanceCount"], variant["DesiredInstanceCount"]) == (2, 3)
    assert hosting.settled(endpoint)["ProductionVariants"][0]["CurrentInstanceCount"] == 3
    hosting.remove(endpoint)


def test_a_failed_update_goes_back_to_the_old_configuration(hosting: Hosting) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model(), "old"))
    before = hosting.settled(endpoint)["EndpointConfigName"]
    config = hosting.config(hosting.variant(hosting.model(PING="exit"), "new"))
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    found = hosting.settled(endpoint)
    assert found["EndpointStatus"] == "InService"
    assert found["EndpointConfigName"] == before
    assert "production variant new did not pass the ping health check" in found["FailureReason"]
    assert [item["VariantName"] for item in found["ProductionVariants"]] == ["old"]
    assert hosting.invoke(endpoint)["InvokedProductionVariant"] == "old"
    again = hosting.config(hosting.variant(hosting.model(), "third"))
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=again)
    found = hosting.settled(endpoint)
    assert (found["EndpointConfigName"], "FailureReason" in found) == (again, False)
    hosting.remove(endpoint)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_configuration_of_the_same_name_with_another_model_is_another_one(hosting: Hosting) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model(ANSWER="bodies")))
    config = hosting.settled(endpoint)["EndpointConfigName"]
    hosting.sagemaker.delete_endpoint_config(EndpointConfigName=config)
    other = [hosting.variant(hosting.model(ANSWER="sizes"))]
    hosting.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=other)
    assert hosting.invoke(endpoint, "1,2,3,4,5")["Body"] == b"9"
    hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert hosting.settled(endpoint)["EndpointStatus"] == "InService"
    assert hosting.invoke(endpoint, "1,2,3,4,5")["Body"] == b"5\n"
    hosting.remove(endpoint)


@pytest.mark.parametrize(
    ("excluded", "weight", "count", "captures"),
    [([], 7.0, 2, False), (["DesiredWeight"], 1.0, 2, False), (["DataCaptureConfig"], 7.0, 2, True)],
)
def test_retained_properties_survive_an_update(
    hosting: Hosting, excluded: list[str], weight: float, count: int, captures: bool
) -> None:
    model = hosting.model()
    endpoint = hosting.serve(hosting.variant(model, "v", 7.0, count=2))
    config = hosting.config(hosting.variant(model, "v"), DataCaptureConfig=CAPTURE)
    hosting.sagemaker.update_endpoint(
        EndpointName=endpoint,
        EndpointConfigName=config,
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": kind} for kind in excluded],
    )
    found = hosting.settled(endpoint)
    [variant] = found["ProductionVariants"]
    assert (variant["CurrentWeight"], variant["CurrentInstanceCount"]) == (weight, count)
    assert ("DataCaptureConfig" in found) == captures
    hosting.remove(endpoint)


@pytest.mark.provenance("documented", source="source code: aws/amazon-sagemaker-operator-for-k8s")
def test_what_an_update_refuses(hosting: Hosting) -> None:
    endpoint = hosting.serve(hosting.variant(hosting.model()))
    update = hosting.sagemaker.update_endpoint_weights_and_capacities
    with pytest.raises(ClientError, match="'other' does not exist"):
        update(EndpointName=endpoint, DesiredWeightsAndCapacities=[{"VariantName": "other", "DesiredWeight": 1}])
    with pytest.raises(ClientError, match="Could not find endpoint configuration"):
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName="none")
    with pytest.raises(ClientError, match=r'Could not find endpoint "arn:aws:sagemaker:.*:endpoint/none"'):
        hosting.sagemaker.update_endpoint(EndpointName="none", EndpointConfigName="none")
    assert hosting.settled(endpoint)["EndpointStatus"] == "InService"
    hosting.remove(endpoint)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.needs("namespaces")
@pytest.mark.parametrize("how", ["another configuration", "fewer instances"])
def test_answers_under_way_are_waited_for(hosting: Hosting, how: str) -> None:
    file = f"weights-{uuid.uuid4().hex}"
    model = hosting.model(hosting.cloud.put(f"{file}/model.tar.gz", archive({file: "1"})))
    endpoint = hosting.serve(hosting.variant(model, "v", count=2))
    answers: list[bytes] = []

    def ask() -> None:
        answers.append(hosting.invoke(endpoint, "kept", CustomAttributes="sleep=1.5")["Body"])

    asking = [threading.Thread(target=ask) for _ in range(6)]  # both instances have some
    for thread in asking:
        thread.start()
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    eventually(
        lambda: len(hosting.cloud.logs.filter_log_events(logGroupName=group, filterPattern="POST")["events"]) == 6
    )
    if how == "fewer instances":
        wanted = [{"VariantName": "v", "DesiredInstanceCount": 1}]
        hosting.sagemaker.update_endpoint_weights_and_capacities(
            EndpointName=endpoint, DesiredWeightsAndCapacities=wanted
        )
    else:
        config = hosting.config(hosting.variant(model, "v"))
        hosting.sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=config)
    assert hosting.settled(endpoint)["EndpointStatus"] == "InService"
    for thread in asking:
        thread.join()
    assert answers == [b"kept"] * 6
    eventually(lambda: len(servers_of(file)) == 1)
    hosting.remove(endpoint)
