"""Requests drawn from the service models are ones that botocore and the emulator's own validation accept."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.session import get_session
from botocore.validate import ParamValidator
from hypothesis import HealthCheck, given, settings

from harness.asserts.requests import requests
from harness.protocol import service_model
from harness.protocol.validate import validate

FEW = settings(max_examples=10, database=None, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("operation", ["CreateTrainingJob", "CreateModel", "CreateEndpointConfig", "ListTrainingJobs"])
def test_they_are_valid(operation: str) -> None:
    shape = get_session().get_service_model("sagemaker").operation_model(operation).input_shape

    @FEW
    @given(requests("sagemaker", operation))
    def check(request: dict[str, Any]) -> None:
        report = ParamValidator().validate(request, shape)
        assert not report.has_errors(), report.generate_report()
        modelled = service_model("sagemaker").operation(operation)
        assert modelled is not None
        validate(modelled, request)

    check()


def test_what_is_fixed_is_as_given() -> None:
    @FEW
    @given(requests("sagemaker", "CreateModel", ModelName="mine"))
    def check(request: dict[str, Any]) -> None:
        assert request["ModelName"] == "mine"
        assert set(request) > {"ModelName"} or request == {"ModelName": "mine"}

    check()


def test_an_unknown_member_is_refused_by_name() -> None:
    with pytest.raises(KeyError, match="CreateModel has no member Name"):
        requests("sagemaker", "CreateModel", Name="mine")
