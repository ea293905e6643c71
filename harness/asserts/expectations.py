"""All expectations of a scenario in one object. Each is recorded in the session; one not met ends the scenario."""

from __future__ import annotations

from harness.asserts.data_capture import DataCaptureExpectations
from harness.asserts.endpoint_answers import EndpointAnswers
from harness.asserts.expectation import ExpectationFailed
from harness.asserts.experiments import Experiments
from harness.asserts.metrics import Metrics
from harness.asserts.model_monitor import ModelMonitorExpectations

__all__ = ["ExpectationFailed", "Expectations"]


class Expectations(DataCaptureExpectations, EndpointAnswers, Experiments, Metrics, ModelMonitorExpectations):
    """All expectations: ``Expectations(session)``. The base classes contain the methods."""
