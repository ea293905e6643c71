"""sagemaker-experiments (``smexperiments``), unmodified: trackers by hand, and the components jobs make."""

from __future__ import annotations

import pytest

from tests.clients.conftest import Client
from tests.clients.environments import built

pytestmark = [
    pytest.mark.needs("index"),
    pytest.mark.slow,
    pytest.mark.provenance("documented", source="source code: aws/sagemaker-experiments"),
]


def test_a_trial_with_trackers(client: Client, pytestconfig: pytest.Config) -> None:
    # Its import needs pkg_resources, which newer setuptools lack.
    client.python = built(pytestconfig, "smexperiments", "sagemaker-experiments==0.1.45", "setuptools<81")
    assert client.program("smexperiments_trial.py").told == {
        "parameters": {"max_depth": 4.0, "objective": "binary:logistic"},
        "outputs": ["note"],
        "note": "a note\n",
        "components": ["tracked"],
        "found": ["first"],
        "left": [],
    }
