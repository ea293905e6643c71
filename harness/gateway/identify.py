"""``identify``: which service and operation a request is for, and whose account and region it acts in.

Signatures are not checked: the emulator trusts its loopback. The credential scope only says service, region and key.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple
from urllib.parse import unquote

from harness.gateway.request_context import RequestContext
from harness.kernel.errors import ApiError
from harness.kernel.http import Response
from harness.protocol import service_model


class UnknownOperation(ApiError):
    code = "UnknownOperationException"
    status = 400


class Credential(NamedTuple):
    access_key: str
    region: str
    service: str


_NOBODY = Credential("", "", "")
_SIGNED = re.compile(r"Credential=([^,\s]+)")
_PRESIGNED = re.compile(r"[?&]X-Amz-Credential=([^&]+)", re.IGNORECASE)
_PRESIGNED_V2 = re.compile(r"[?&]AWSAccessKeyId=([^&]+)")

# Target prefixes of JSON services, for requests without a signature; values are signing names.
_TARGETS = {
    "SageMaker": "sagemaker",
    "Logs_20140328": "logs",
    "GraniteServiceVersion20100801": "monitoring",
    "AmazonEC2ContainerRegistry_V20150921": "ecr",
    "AWSEvents": "events",
    "AmazonSSM": "ssm",
    "secretsmanager": "secretsmanager",
    "TrentService": "kms",
    "AmazonAthena": "athena",
    "AWSGlue": "glue",
    "AnyScaleFrontendService": "application-autoscaling",
}

# REST paths of the SageMaker services that share one signing name.
_PATHS = (
    ("/endpoints/", "sagemaker-runtime"),
    ("/BatchPutMetrics", "sagemaker-metrics"),
    ("/BatchGetMetrics", "sagemaker-metrics"),
    ("/FeatureGroup/", "sagemaker-featurestore-runtime"),
    ("/BatchGetRecord", "sagemaker-featurestore-runtime"),
    ("/BatchWriteRecord", "sagemaker-featurestore-runtime"),
)

# Services of that signing name of which nothing is served: refused by the names of their operations.
_UNSERVED = (
    "sagemaker-a2i-runtime",
    "sagemaker-edge",
    "sagemaker-gateway-runtime",
    "sagemaker-inference-router-runtime",
    "sagemakerjobruntime",
    "sagemakertrainingsessionruntime",
)

# API versions of query services, for forms without a signature (AssumeRoleWithWebIdentity is never signed).
_QUERY_VERSIONS = {"2011-06-15": "sts", "2010-05-08": "iam", "2010-08-01": "monitoring", "2010-03-31": "sns"}


async def identify(exchange: RequestContext) -> Response | None:
    request = exchange.request
    settings = exchange.site.settings
    credential = _credential_of(request.headers.get("Authorization", ""), request.target)
    exchange.access_key = credential.access_key
    exchange.account = await _account(exchange, credential.access_key)
    exchange.region = credential.region or settings.region
    prefix, _, operation = request.headers.get("X-Amz-Target", "").rpartition(".")
    exchange.service = credential.service or _TARGETS.get(prefix, prefix)
    if exchange.service == "sagemaker" and operation:
        _find_by_target(exchange, operation)
    elif exchange.service in ("sagemaker", ""):
        _find_by_path(exchange)
    return None


def _find_by_target(exchange: RequestContext, name: str) -> None:
    exchange.model = service_model("sagemaker")
    operation = exchange.model.operation(name)
    if operation is None:
        raise UnknownOperation(f"{exchange.model.title} has no operation {name} in the API model that harness knows.")
    exchange.operation = operation


def _find_by_path(exchange: RequestContext) -> None:
    request = exchange.request
    path = request.path
    for beginning, service in _PATHS:
        if path.startswith(beginning) and _is_route_of(service, exchange):
            return
    if exchange.service == "sagemaker":
        if any(_is_route_of(service, exchange) for service in _UNSERVED):
            return
        exchange.model = service_model("sagemaker")
        raise UnknownOperation(f"No operation of a SageMaker service is at {request.method} {path}.")
    exchange.service = _unsigned_service(exchange)


def _is_route_of(service: str, exchange: RequestContext) -> bool:
    try:
        model = service_model(service)
    except FileNotFoundError:
        return False  # the installed botocore is older than the service
    found = model.route(exchange.request.method, exchange.request.path)
    if found is None:
        return False
    exchange.service, exchange.model = service, model
    exchange.operation, exchange.values = found
    return True


def _unsigned_service(exchange: RequestContext) -> str:
    """Forms name their API version in the query, or in the body (``pass_to_backend``); the rest is anonymous S3."""
    content_type = exchange.request.headers.get("Content-Type", "")
    if exchange.request.method == "POST" and content_type.startswith("application/x-www-form-urlencoded"):
        return "query"
    versions = exchange.request.query.get("Version", [])
    return _QUERY_VERSIONS.get(versions[0], "s3") if versions else "s3"


def service_of_form(body: bytes) -> str:
    found = re.search(rb"(?:^|&)Version=([\d-]+)", body)
    return _QUERY_VERSIONS.get(found.group(1).decode(), "s3") if found else "s3"


def _credential_of(authorization: str, target: str) -> Credential:
    if authorization:
        signed = _SIGNED.search(authorization)
        if signed:
            return _scope(signed.group(1))
        scheme, _, rest = authorization.partition(" ")
        return Credential(rest.partition(":")[0], "", "s3") if scheme == "AWS" else _NOBODY
    if "?" not in target:
        return _NOBODY
    presigned = _PRESIGNED.search(target)
    if presigned:
        return _scope(unquote(presigned.group(1)))
    presigned = _PRESIGNED_V2.search(target)
    return Credential(unquote(presigned.group(1)), "", "s3") if presigned else _NOBODY


@lru_cache(maxsize=256)
def _scope(text: str) -> Credential:
    """``AKIA…/20260101/us-east-1/s3/aws4_request``; SigV4A leaves the region out. Keys may hold slashes."""
    parts = text.split("/")
    if len(parts) >= 5:
        return Credential("/".join(parts[:-4]), parts[-3], parts[-2])
    return Credential(parts[0], "", parts[-2]) if len(parts) == 4 else Credential(text, "", "")


async def _account(exchange: RequestContext, access_key: str) -> str:
    """An access key of twelve digits is an account, as neighbouring tools have it."""
    if len(access_key) == 12 and access_key.isdigit():
        return access_key
    issued = await exchange.site.accounts.of(access_key)
    return issued or exchange.site.settings.account
