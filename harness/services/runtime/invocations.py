"""Invocations of endpoints."""

from __future__ import annotations

from typing import Any

from harness.kernel.errors import ValidationError
from harness.services.scope import Scope

_UNSUPPORTED = {
    "TargetModel": "multi-model endpoints",
    "TargetContainerHostname": "models of several containers",
    "InferenceComponentName": "inference components",
    "EnableExplanations": "explanations",
}


async def invoke_endpoint(scope: Scope, request: dict[str, Any]) -> dict[str, Any]:
    for member, what in _UNSUPPORTED.items():
        if request.get(member):
            raise ValidationError(f"{member}: {what} are not supported by harness")
    return await scope.engine.invoke(scope.key("endpoint", request["EndpointName"]), request, scope.received)
