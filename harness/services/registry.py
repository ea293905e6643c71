"""Maps API operations to the functions that implement them, by name. A new operation needs no registration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType

from botocore import xform_name

from harness.services.scope import Operation
from harness.services.tag_rules import with_tag_rules


def operations_of(modules: Iterable[ModuleType]) -> dict[str, Operation]:
    """Return the public functions defined in the modules, by boto3 method name."""
    return {
        name: value
        for module in modules
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    }


@cache
def _load_operations() -> Mapping[str, Mapping[str, Operation]]:
    # Imported at the first call, because each of these imports all its modules.
    from harness.services import metrics, runtime, sagemaker

    return {
        "sagemaker": {name: with_tag_rules(function) for name, function in operations_of(sagemaker.MODULES).items()},
        "sagemaker-runtime": operations_of(runtime.MODULES),
        "sagemaker-metrics": operations_of(metrics.MODULES),
    }


def operation(service: str, name: str) -> Operation | None:
    """Return the function that implements an API operation (``CreateTrainingJob``). None if it is not supported."""
    return _load_operations().get(service, {}).get(xform_name(name))
