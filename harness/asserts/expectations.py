"""The expectations a scenario states, all in one object. Each is told to the session; one not met ends the scenario."""

from __future__ import annotations

from harness.asserts.captured import Captured
from harness.asserts.endpoint_answers import EndpointAnswers
from harness.asserts.experiments import Experiments
from harness.asserts.metrics import Metrics
from harness.asserts.monitored import Monitored
from harness.asserts.stated import ExpectationFailed

__all__ = ["ExpectationFailed", "Expectations"]


class Expectations(Captured, EndpointAnswers, Experiments, Metrics, Monitored):
    """``Expectations(session)``. What each noun offers is in its own module."""
