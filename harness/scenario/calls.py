"""Which API operations a scenario calls, each told once. Learns them from botocore's events; changes no request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any


class CalledOperations:
    """``told`` gets the service as boto3 names it, the operation, and the bucket where there is one."""

    def __init__(self, session: Any, told: Callable[[str, str, str], None]) -> None:
        self._told = told
        self._known: set[tuple[str, str, str]] = set()
        session.events.register("before-parameter-build", self._note)

    def _note(self, params: Mapping[str, Any], model: Any, **_: Any) -> None:
        call = (model.service_model.service_name, model.name, str(params.get("Bucket") or ""))
        if call not in self._known:
            self._known.add(call)
            self._told(*call)
