"""The API operations that a scenario calls, learned from botocore's events. Changes no request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class CalledOperations:
    """Calls ``record`` once for each operation, with the service as boto3 names it, the operation and the bucket."""

    def __init__(self, session: Any, record: Callable[[str, str, str], None]) -> None:
        self._record = record
        self._known: set[tuple[str, str, str]] = set()
        session.events.register("before-parameter-build", self._note)

    def _note(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        call = (model.service_model.service_name, model.name, str(params.get("Bucket") or ""))
        if call not in self._known:
            self._known.add(call)
            self._record(*call)
