"""Checks the tags of requests: no reserved keys, no duplicate keys. Applied to every operation that accepts tags."""

from __future__ import annotations

from collections.abc import Iterable
from functools import wraps
from typing import Any

from harness.kernel.errors import ValidationException
from harness.services.scope import Operation, Scope


def with_tag_rules(operation: Operation) -> Operation:
    """Wrap an operation so that the ``Tags`` of its request are check_and_call first."""

    @wraps(operation)
    def check_and_call(scope: Scope, request: dict[str, Any]) -> Any:
        keys = [tag["Key"] for tag in request.get("Tags") or ()]
        refuse_reserved(keys)
        _refuse_duplicates(keys)
        return operation(scope, request)

    return check_and_call


def refuse_reserved(keys: Iterable[str]) -> None:
    """Refuse keys that begin with ``aws:``. The message is recorded in aws/sagemaker-python-sdk#1301."""
    for key in keys:
        if key.lower().startswith("aws:"):
            raise ValidationException(f"System prefix 'aws:' reserved for AWS usage in tag key: {key}")


def _refuse_duplicates(keys: list[str]) -> None:
    for key in keys:
        if keys.count(key) > 1:
            raise ValidationException(f"Duplicate tag key: {key}. Give each key once.")
