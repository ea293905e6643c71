"""The expectations a scenario states, all in one object. Each is told to the session; one not met ends the scenario."""

from __future__ import annotations

from harness.asserts.data_capture import DataCaptureExpectations
from harness.asserts.endpoint_answers import EndpointAnswers
from harness.asserts.expectation import ExpectationFailed
from harness.asserts.experiments import Experiments
from harness.asserts.metrics import Metrics
from harness.asserts.model_monitor import Monitored

__all__ = ["ExpectationFailed", "Expectations"]


class Expectations(DataCaptureExpectations, EndpointAnswers, Experiments, Metrics, Monitored):
    """``Expectations(session)``. What each noun offers is in its own module."""
