"""Which operations of SageMaker's services are served, by the models and the functions that serve them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.protocol import service_model

SERVED = ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime")
"""SageMaker's services; every operation of theirs that has no function is refused by name."""


def served_operations(lookup: Callable[[str, str], object | None]) -> dict[str, dict[str, Any]]:
    """For each service the number of modelled operations and the names of those that are supported.

    ``lookup`` gives the function that serves an operation, or None.
    """
    found = {}
    for service in SERVED:
        names = service_model(service).operation_names
        found[service] = {
            "modelled": len(names),
            "supported": [name for name in names if lookup(service, name) is not None],
        }
    return found
