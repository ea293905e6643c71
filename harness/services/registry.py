"""Which function serves which operation: found by name, so a new operation touches one file only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType

from botocore import xform_name

from harness.services.scope import Operation
from harness.services.tag_rules import with_tag_rules


def operations_of(modules: Iterable[ModuleType]) -> dict[str, Operation]:
    """Public functions defined in the modules themselves, by boto3 method name."""
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    }


@cache
def _served() -> Mapping[str, Mapping[str, Operation]]:
    from harness.services import metrics, runtime, sagemaker  # each imports its nouns; not needed before the first call

    return {
        "sagemaker": {name: with_tag_rules(found) for name, found in operations_of(sagemaker.MODULES).items()},
        "sagemaker-runtime": operations_of(runtime.MODULES),
        "sagemaker-metrics": operations_of(metrics.MODULES),
    }


def operation(service: str, name: str) -> Operation | None:
    """The function that serves API operation ``name`` (``CreateTrainingJob``), or None when it is not supported."""
    return _served().get(service, {}).get(xform_name(name))
