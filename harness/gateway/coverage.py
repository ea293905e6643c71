"""Lists the operations of SageMaker's services that are served: those of the models that have a function."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from harness.protocol import service_model

SERVED = ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime")
"""SageMaker's services; every operation of theirs that has no function is refused by name."""


def served_operations(lookup: Callable[[str, str], object | None]) -> dict[str, dict[str, Any]]:
    """Return for each service the number of modelled operations and the names of those that are supported.

    ``lookup`` returns the function that serves an operation, or None.
    """
    operations = {}
    for service in SERVED:
        names = service_model(service).operation_names
        operations[service] = {
            "modelled": len(names),
            "supported": [name for name in names if lookup(service, name) is not None],
        }
    return operations
