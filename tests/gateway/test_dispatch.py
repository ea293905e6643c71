"""From a parsed request to the function that serves it, and back."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.gateway.dispatch import call
from harness.kernel.errors import ModelError, ResourceNotFound, ValidationException


def log_of(served: Any) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (served.state / "emulator.log").read_text().splitlines()]


def test_an_operation_that_is_not_supported_says_so_and_is_not_retried(served: Any) -> None:
    client = served.client("sagemaker", retries={"mode": "standard", "max_attempts": 5})
    started = time.perf_counter()
    with pytest.raises(ClientError, match=r"harness does not support CreateCluster .* yet") as refused:
        client.create_cluster(ClusterName="c")
    assert time.perf_counter() - started < 1
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperationException"
    assert refused.value.response["ResponseMetadata"]["RetryAttempts"] == 0
    with pytest.raises(ClientError, match="harness does not support GetRecord"):
        served.client("sagemaker-featurestore-runtime").get_record(
            FeatureGroupName="f", RecordIdentifierValueAsString="1"
        )


def test_scaling_is_refused_by_the_name_of_the_operation(served: Any) -> None:
    client = served.client("application-autoscaling")
    target = {
        "ServiceNamespace": "sagemaker",
        "ResourceId": "endpoint/e/variant/v",
        "ScalableDimension": "sagemaker:variant:DesiredInstanceCount",
    }
    with pytest.raises(ClientError, match="harness does not support RegisterScalableTarget ") as refused:
        client.register_scalable_target(**target, MinCapacity=1, MaxCapacity=2)
    assert refused.value.response["Error"]["Code"] == "UnsupportedOperationException"
    with pytest.raises(ClientError, match="harness does not support PutScalingPolicy "):
        client.put_scaling_policy(PolicyName="p", **target)


def test_botocores_typed_errors_are_raised(served: Any) -> None:
    def describe_trial(scope: Any, request: dict[str, Any]) -> None:
        raise ResourceNotFound("Trial 't' does not exist.")

    served.operations["sagemaker", "DescribeTrial"] = describe_trial
    client = served.client("sagemaker")
    with pytest.raises(client.exceptions.ResourceNotFound, match="Trial 't' does not exist"):
        client.describe_trial(TrialName="t")


def test_a_model_error_brings_what_the_container_said(served: Any) -> None:
    async def invoke_endpoint(scope: Any, request: dict[str, Any]) -> None:
        raise ModelError("server error", OriginalStatusCode=500, OriginalMessage="boom", LogStreamArn="a")

    served.operations["sagemaker-runtime", "InvokeEndpoint"] = invoke_endpoint
    client = served.client("sagemaker-runtime")
    with pytest.raises(client.exceptions.ModelError) as refused:
        client.invoke_endpoint(EndpointName="e", Body=b"x")
    assert refused.value.response["OriginalStatusCode"] == 500
    assert refused.value.response["OriginalMessage"] == "boom"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_violations_of_the_model_are_refused_before_any_function_runs(served: Any) -> None:
    served.operations["sagemaker", "DescribeModel"] = lambda scope, request: pytest.fail("called")
    with pytest.raises(ClientError, match="1 validation error detected: Value 'a_b' at 'modelName'"):
        served.client("sagemaker").describe_model(ModelName="a_b")


def test_a_defect_is_an_internal_failure_with_the_request_id_and_a_traceback_in_the_log(served: Any) -> None:
    def describe_model(scope: Any, request: dict[str, Any]) -> None:
        raise ZeroDivisionError("our own fault")

    served.operations["sagemaker", "DescribeModel"] = describe_model
    with pytest.raises(ClientError) as refused:
        served.client("sagemaker", retries={"total_max_attempts": 1}).describe_model(ModelName="m")
    request_id = refused.value.response["ResponseMetadata"]["RequestId"]
    assert refused.value.response["Error"]["Code"] == "InternalFailure"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert request_id in refused.value.response["Error"]["Message"]
    defect = next(line for line in log_of(served) if "defect" in line)
    assert defect["id"] == request_id
    assert "our own fault" in defect["defect"]


def test_every_request_is_one_line_of_the_log(served: Any) -> None:
    served.operations["sagemaker", "ListModels"] = lambda scope, request: {"Models": []}
    answer = served.client("sagemaker").list_models()
    served.client("s3").list_buckets()
    line, of_s3 = log_of(served)
    assert line["id"] == answer["ResponseMetadata"]["RequestId"]
    assert (line["service"], line["operation"], line["status"]) == ("sagemaker", "ListModels", 200)
    assert (line["account"], line["region"]) == ("123456789012", "us-east-1")
    assert line["ms"] > 0
    assert of_s3["operation"] == "GET /"


def test_slow_functions_do_not_keep_others_waiting(served: Any) -> None:
    release = threading.Event()

    def describe_model(scope: Any, request: dict[str, Any]) -> None:
        assert release.wait(20)
        raise ValidationException("late")

    served.operations["sagemaker", "DescribeModel"] = describe_model
    served.operations["sagemaker", "ListModels"] = lambda scope, request: {"Models": []}
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(served.client("sagemaker").describe_model, ModelName="m")
        assert served.client("sagemaker").list_models()["Models"] == []
        release.set()
        assert "late" in str(slow.exception(20))


def test_a_call_from_inside_is_validated_and_served_as_a_clients(served: Any) -> None:
    served.operations["sagemaker", "DescribeModel"] = lambda scope, request: {"ModelName": scope.account}
    site = served.emulator.site
    assert call(site, "sagemaker", "DescribeModel", {"ModelName": "m"}, "9", "r") == {"ModelName": "9"}
    with pytest.raises(ValidationException, match="modelName"):
        call(site, "sagemaker", "DescribeModel", {"ModelName": "a_b"}, "9", "r")
    with pytest.raises(Exception, match="does not support CreateCluster"):
        call(site, "sagemaker", "CreateCluster", {"ClusterName": "c"}, "9", "r")
