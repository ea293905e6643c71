"""The ``sagemaker-runtime`` client of a scenario in local mode: asks the endpoint's own server, captures."""

# ruff: noqa: N803 - arguments are named as boto3 names them

from __future__ import annotations

import io
from typing import Any

from botocore.response import StreamingBody

from harness.localmode.context import LocalModeContext, refused
from harness.localmode.endpoints import LocalEndpoints

MAX_BODY = 6 * 1024 * 1024
MAX_MESSAGE = 2048
_TAKEN = frozenset(("ContentType", "Accept", "CustomAttributes", "TargetModel", "TargetVariant", "InferenceId"))


class LocalModeRuntime:
    def __init__(self, around: LocalModeContext, endpoints: LocalEndpoints) -> None:
        self._around = around
        self._endpoints = endpoints
        self._beside = around.client("sagemaker-runtime")
        self.config: Any = None
        """The SDK hands its local settings here; each endpoint has its own."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._beside, name)

    def invoke_endpoint(self, EndpointName: str, Body: Any = b"", **request: Any) -> dict[str, Any]:
        live = self._endpoints.live(EndpointName)
        if live is None:
            message = f"Endpoint {EndpointName} of account {self._around.account} not found."
            raise refused("InvokeEndpoint", message, "ValidationError")
        endpoint, server = live
        unknown = sorted(set(request) - _TAKEN)
        if unknown:
            raise refused("InvokeEndpoint", f"not supported in local mode: {', '.join(unknown)}", "ValidationError")
        if request.get("TargetVariant", server.variant) != server.variant:
            message = f"Could not find variant {request['TargetVariant']} of endpoint {EndpointName}."
            raise refused("InvokeEndpoint", message, "ValidationError")
        body = _bytes(Body)
        if len(body) > MAX_BODY:
            raise refused("InvokeEndpoint", f"The body is larger than {MAX_BODY} bytes", "ValidationError")
        assert server.run is not None
        status, headers, answer = server.run.ask(EndpointName, body, request)
        if not 200 <= status < 300:
            raise self._model_error(EndpointName, status, answer)
        kind = headers.get("Content-Type", "")
        if endpoint.capturing is not None:
            endpoint.capturing.take(server.variant, request, body, answer, kind)
            self._around.provenance.note("Data capture", "", "every captured request, as JSON lines in S3")
        told = {
            "Body": StreamingBody(io.BytesIO(answer), len(answer)),
            "ContentType": kind,
            "InvokedProductionVariant": server.variant,
            "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": dict(headers), "RetryAttempts": 0},
        }
        attributes = headers.get("X-Amzn-SageMaker-Custom-Attributes")
        return {**told, "CustomAttributes": attributes} if attributes else told

    def _model_error(self, endpoint: str, status: int, answer: bytes) -> Exception:
        text = answer.decode("utf-8", "replace")[:MAX_MESSAGE]
        side = "client" if status < 500 else "server"
        where = f"See its log: /aws/sagemaker/Endpoints/{endpoint}"
        message = f'Received {side} error ({status}) from primary with message "{text}". {where}'
        parsed = {
            "Error": {"Code": "ModelError", "Message": message[:MAX_MESSAGE]},
            "OriginalStatusCode": status,
            "OriginalMessage": text,
            "ResponseMetadata": {"HTTPStatusCode": 424},
        }
        error: Exception = self._beside.exceptions.ModelError(parsed, "InvokeEndpoint")
        return error


def _bytes(body: Any) -> bytes:
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)
