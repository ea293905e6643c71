"""Rules for the tags of a request: no reserved keys, no key twice. They hold for every operation that takes tags."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

from harness.kernel.errors import ValidationException
from harness.services.scope import Operation, Scope


def with_tag_rules(operation: Operation) -> Operation:
    """The operation, preceded by a check of the ``Tags`` of its request."""

    @wraps(operation)
    def checked(scope: Scope, request: dict[str, Any]) -> Any:
        keys = [tag["Key"] for tag in request.get("Tags") or ()]
        refuse_reserved(keys)
        _refuse_duplicates(keys)
        return operation(scope, request)

    return checked


def refuse_reserved(keys: Iterable[str]) -> None:
    """Refuse keys that begin with aws:, in the words of aws/sagemaker-python-sdk#1301."""
    for key in keys:
        if key.lower().startswith("aws:"):
            raise ValidationException(f"System prefix 'aws:' reserved for AWS usage in tag key: {key}")


def _refuse_duplicates(keys: list[str]) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise ValidationException(f"Duplicate tag key: {key}. Give each key once.")
