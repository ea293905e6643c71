"""The requests of ``POST /_harness/faults``: checked against the service models, so that no fault waits in vain."""

from __future__ import annotations

import asyncio
import difflib
import math
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from harness.gateway.fault_injection.plan import ERROR, SLOW, THROTTLE, Fault
from harness.gateway.fault_injection.s3_names import OPERATIONS as S3_OPERATIONS
from harness.gateway.request_context import GatewayDependencies
from harness.kernel.records import Key
from harness.protocol import ServiceModel, service_model

SAGEMAKER = ("sagemaker", "sagemaker-runtime", "sagemaker-metrics", "sagemaker-featurestore-runtime")
COMMON_ERRORS = {
    "AccessDeniedException": 400,
    "ExpiredTokenException": 400,
    "InternalFailure": 500,
    "RequestExpired": 400,
    "ServiceUnavailable": 503,
    "ThrottlingException": 400,
    "UnrecognizedClientException": 400,
    "ValidationException": 400,
}
"""Errors that any operation may answer, modelled or not."""
_WHERE = {"service": str, "operation": str, "account": str, "times": (int, type(None)), "bucket": str, "key": str}
_KNOWN: Mapping[str, Mapping[str, Any]] = {
    THROTTLE: _WHERE,
    ERROR: {**_WHERE, "code": str, "message": str, "status": int},
    SLOW: {**_WHERE, "seconds": (int, float), "bytes_per_second": (int, float)},
    "interrupt": {"job": str, "after": (int, float), "times": int, "account": str},
    "kill-server": {"endpoint": str, "variant": str, "account": str, "region": str},
}


class BadFault(Exception):
    """A fault that makes no sense; the text goes to the client."""


async def add_fault(site: GatewayDependencies, document: Mapping[str, Any]) -> Mapping[str, Any]:
    stated = _check(document)
    kind = stated.pop("kind")
    adders: Mapping[str, Callable[..., Mapping[str, Any]]] = {
        THROTTLE: partial(_throttle, site),
        ERROR: partial(_error, site),
        SLOW: partial(_slow, site),
        "interrupt": partial(_interrupt, site),
        "kill-server": partial(_kill_server, site),
    }
    if kind == "kill-server":
        # Ending a program may take its attendant a moment.
        return await asyncio.to_thread(adders[kind], **stated)
    return adders[kind](**stated)


def waiting_faults(site: GatewayDependencies) -> list[dict[str, Any]]:
    return [*site.faults.waiting(), *site.engine.interruptions.waiting()]


def clear_faults(site: GatewayDependencies, document: Mapping[str, Any]) -> None:
    account = str(document.get("account", ""))
    site.faults.clear(account)
    site.engine.interruptions.clear(account)


def _check(document: Mapping[str, Any]) -> dict[str, Any]:
    kind = document.get("kind")
    if not isinstance(kind, str) or kind not in _KNOWN:
        raise BadFault(f"there is no kind of fault {kind!r}; there are: {', '.join(_KNOWN)}")
    for name, value in document.items():
        expected = _KNOWN[kind].get(name)
        if name != "kind" and expected is None:
            raise BadFault(f"a fault of kind {kind} has no {name!r}; it has: {', '.join(_KNOWN[kind])}")
        if expected and (not isinstance(value, expected) or isinstance(value, bool)):
            raise BadFault(f"{name!r} cannot be {value!r}")
    for name in ("times", "seconds", "bytes_per_second", "after"):
        number = document.get(name)
        if number is not None and (not math.isfinite(number) or number < 0 or (name == "times" and number < 1)):
            raise BadFault(f"{name!r} cannot be {number!r}")
    return dict(document)


def _throttle(
    site: GatewayDependencies, service: str = "sagemaker", operation: str = "", **where: Any
) -> Mapping[str, Any]:
    model = _check_target(site, service, operation, where)
    if service == "s3":
        answer: dict[str, Any] = {"code": "SlowDown", "status": 503, "message": "Please reduce your request rate."}
    elif model.protocol == "query":
        answer = {"code": "Throttling", "message": "Rate exceeded"}
    else:
        answer = {"code": "ThrottlingException", "message": "Rate exceeded"}
    return _add(site, Fault("", THROTTLE, service, operation, **answer, **where))


def _error(
    site: GatewayDependencies,
    service: str = "sagemaker",
    operation: str = "",
    code: str = "",
    message: str = "",
    status: int | None = None,
    **where: Any,
) -> Mapping[str, Any]:
    model = _check_target(site, service, operation, where)
    if not code:
        raise BadFault("say which error: 'code'")
    if status is not None and not 400 <= status <= 599:
        raise BadFault(f"'status' {status} is no error's")
    text = message or f"Injected by harness: {code}"
    number = status or _status(model, operation, code)
    return _add(site, Fault("", ERROR, service, operation, code=code, message=text, status=number, **where))


def _status(model: ServiceModel, operation: str, code: str) -> int:
    """The one of the model. Services that are not SageMaker's model few of their errors: there 400 stands for it."""
    if model.has_shape(code) and model.shape(code).status:
        return model.shape(code).status or 400
    modelled = model.operation(operation)
    known = (*(modelled.errors if modelled else ()), *COMMON_ERRORS)
    if model.name in SAGEMAKER and code not in known:
        raise BadFault(f"{operation or model.name} does not answer {code}; it may answer: {', '.join(known)}")
    return COMMON_ERRORS.get(code, 400)


def _slow(
    site: GatewayDependencies,
    service: str = "sagemaker",
    operation: str = "",
    seconds: float = 0.0,
    bytes_per_second: float = 0.0,
    **where: Any,
) -> Mapping[str, Any]:
    _check_target(site, service, operation, where)
    if bytes_per_second and service != "s3":
        raise BadFault("'bytes_per_second' is for s3; calls of other services take 'seconds'")
    if not seconds and not bytes_per_second:
        raise BadFault("say how slow: 'seconds' before the answer, or 'bytes_per_second' of its body")
    crawl: dict[str, Any] = {"seconds": float(seconds), "bytes_per_second": float(bytes_per_second)}
    return _add(site, Fault("", SLOW, service, operation, **crawl, **where))


def _interrupt(
    site: GatewayDependencies, job: str = "", after: float = 0.0, times: int = 1, account: str = ""
) -> Mapping[str, Any]:
    return {"fault": site.engine.interruptions.plan(account, job, float(after), times)}


def _kill_server(
    site: GatewayDependencies, endpoint: str = "", variant: str = "", account: str = "", region: str = ""
) -> Any:
    key = Key("endpoint", account or site.settings.account, region or site.settings.region, endpoint)
    killed = site.engine.kill_servers(key, variant)
    if not killed:
        whose = f"variant {variant!r} of endpoint {endpoint!r}" if variant else f"endpoint {endpoint!r}"
        raise BadFault(f"no model server of {whose} runs in account {key.account}")
    return {"killed": killed}


def _add(site: GatewayDependencies, fault: Fault) -> Mapping[str, Any]:
    added = site.faults.add(fault)
    return {"fault": {"id": added.id, "kind": added.kind}}


def _check_target(site: GatewayDependencies, service: str, operation: str, where: Mapping[str, Any]) -> ServiceModel:
    """The model of the service, which must have the operation."""
    # CloudWatch's clients speak CBOR, in which the gateway words no errors.
    served = {*SAGEMAKER, *site.components.aws.services()} - {"monitoring"}
    if service not in served:
        raise BadFault(f"no faults for {service!r}; there are for: {', '.join(sorted(served))}")
    if service != "s3" and (where.get("bucket") or where.get("key")):
        raise BadFault("'bucket' and 'key' are for s3")
    try:
        model = service_model(service)
    except OSError:
        raise BadFault(f"no faults for {service!r}: its operations are not known here") from None
    names = S3_OPERATIONS if service == "s3" else model.operation_names
    if operation and operation not in names:
        raise BadFault(f"{service} has no operation {operation!r}" + _nearest(operation, names))
    return model


def _nearest(name: str, known: Any) -> str:
    close = difflib.get_close_matches(name, known, 3, 0.5)
    return f"; did you mean {' or '.join(close)}?" if close else ""
