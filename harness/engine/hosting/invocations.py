"""One invocation: variant, instance, one request over a kept-alive connection, capture, the answer."""

from __future__ import annotations

import asyncio
import random
import time
import uuid
from collections.abc import Mapping
from typing import Any

from harness.contract.capture import Invocation
from harness.contract.serving import endpoint_log_group
from harness.engine.components import Components
from harness.engine.hosting.capture import Capture
from harness.engine.hosting.endpoint_metrics import EndpointMetrics
from harness.engine.hosting.endpoints import Endpoints
from harness.engine.hosting.instance_sets import InstanceSet
from harness.engine.hosting.instances import AnswerTooLong, Instance, InstanceUnreachable, InvocationAnswer
from harness.engine.hosting.traffic import choose_instance, choose_variant
from harness.kernel.errors import ModelError, ValidationError
from harness.kernel.records import Key

TIMEOUT = 60.0
"""Seconds a container has for its answer."""
LIMIT = 6 * 1024 * 1024
MESSAGE_LIMIT = 2048

_HEADERS = {
    "ContentType": "Content-Type",
    "Accept": "Accept",
    "CustomAttributes": "X-Amzn-SageMaker-Custom-Attributes",
    "TargetVariant": "X-Amzn-SageMaker-Target-Variant",
    "InferenceId": "X-Amzn-SageMaker-Inference-Id",
    "SessionId": "X-Amzn-SageMaker-Session-Id",
}
_ANSWERED = (
    ("ContentType", "content-type"),
    ("CustomAttributes", "x-amzn-sagemaker-custom-attributes"),
    ("NewSessionId", "x-amzn-sagemaker-new-session-id"),
    ("ClosedSessionId", "x-amzn-sagemaker-closed-session-id"),
)


class Invocations:
    def __init__(self, components: Components, endpoints: Endpoints, metrics: EndpointMetrics) -> None:
        self._components = components
        self._endpoints = endpoints
        self._metrics = metrics

    async def invoke(self, key: Key, request: Mapping[str, Any], received: float) -> dict[str, Any]:
        live = self._endpoints.live(key)
        fleet = live.fleet if live is not None else None
        if live is None or fleet is None:
            raise ValidationError(f"Endpoint {key.name} of account {key.account} not found.")
        body = request.get("Body", b"")
        if len(body) > LIMIT:
            raise ValidationError(f"The request body of {len(body)} bytes is over the limit of {LIMIT} bytes")
        variant, instance = _target(key, fleet, request.get("TargetVariant"))
        headers = {header: request[member] for member, header in _HEADERS.items() if request.get(member)}
        started = time.perf_counter()
        status = 0
        try:
            answer = await instance.post("/invocations", body, headers, TIMEOUT, LIMIT)
            status = answer.status
        except asyncio.TimeoutError:
            raise _model_error(key, 0, _TIMED_OUT) from None
        except InstanceUnreachable as error:
            raise _model_error(key, 0, f"The connection to container primary was lost: {error}") from error
        except AnswerTooLong as error:
            text = f"The response of container primary is over the limit of {LIMIT} bytes"
            raise _model_error(key, 0, text) from error
        finally:
            latency = time.perf_counter() - started
            self._metrics.count(key, variant, len(fleet.instances[variant]), status, latency, started - received)
        if status >= 300:
            raise _model_error(key, status, answer.body.decode(errors="replace"))
        if live.capture is not None and live.capture.wants():
            self._capture(live.capture, variant, request, body, answer)
        return _answer(variant, answer)

    def _capture(
        self, capture: Capture, variant: str, request: Mapping[str, Any], body: bytes, answer: InvocationAnswer
    ) -> None:
        capture.take(
            Invocation(
                event_id=str(uuid.uuid4()),
                variant=variant,
                moment=self._components.clock.now(),
                body=body,
                content_type=request.get("ContentType", ""),
                answer=answer.body,
                answer_type=answer.headers.get("content-type", ""),
                inference_id=request.get("InferenceId", ""),
                custom_attributes=request.get("CustomAttributes", ""),
            )
        )


_TIMED_OUT = (
    "Your invocation timed out while waiting for a response from container primary. Review the latency metrics for "
    "each container in Amazon CloudWatch, resolve the issue, and try again."
)


def _target(key: Key, fleet: InstanceSet, requested: str | None) -> tuple[str, Instance]:
    """The variant and instance that answer: an explicit target first, then the weights."""
    variant = requested or choose_variant(fleet.weights, random.random())
    if variant is None:
        raise ValidationError(f"Endpoint {key.name}: the weights of all its variants are 0; name a TargetVariant")
    if variant not in fleet.weights:
        raise ValidationError(f"Variant {variant!r} was not found for endpoint {key.name}.")
    instances = fleet.instances.get(variant)
    if not instances:
        raise _model_error(key, 503, f"No instance of variant {variant} is running; it is being restarted")
    return variant, choose_instance(instances, random.random(), variant in fleet.least_outstanding)


def _answer(variant: str, answer: InvocationAnswer) -> dict[str, Any]:
    members = {"Body": answer.body, "InvokedProductionVariant": variant}
    for member, header in _ANSWERED:
        if header in answer.headers:
            members[member] = answer.headers[header]
    return members


def _model_error(key: Key, status: int, text: str) -> ModelError:
    side = "client" if 400 <= status < 500 else "server"
    group = endpoint_log_group(key.name)
    console = (
        f"https://{key.region}.console.aws.amazon.com/cloudwatch/home?region={key.region}#logEventViewer:group={group}"
    )
    message = (
        f'Received {side} error ({status}) from primary with message "{text[:1024]}". See {console} in account '
        f"{key.account} for more information."
    )
    return ModelError(
        message[:MESSAGE_LIMIT],
        OriginalStatusCode=status,
        OriginalMessage=text[:MESSAGE_LIMIT],
        LogStreamArn=f"arn:aws:logs:{key.region}:{key.account}:log-group:{group}",
    )
