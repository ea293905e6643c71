"""Finds the images that requests name. They must be in the region of the call and known to the emulator.

An Amazon ECR image of another region or domain is refused when the job, model or schedule is created. The messages are
recorded in aws-samples/mlops-amazon-sagemaker#9 (training), aws/amazon-sagemaker-examples#2422 (processing) and
aws/sagemaker-pytorch-inference-toolkit#7 (models).
"""

from __future__ import annotations

import re
from functools import cache
from typing import NamedTuple

from harness.contract.catalog import UnknownImage
from harness.contract.containers import ImageProtocol
from harness.kernel.errors import ValidationException
from harness.services.scope import Scope

_ECR_HOST = re.compile(r"\d{12}\.dkr\.ecr(?:-fips)?\.([^./]+)\.([^/:]+)/")


def find_training_image(scope: Scope, uri: str, member: str) -> ImageProtocol:
    if wrong := _wrong_host(uri, scope.region):
        raise ValidationException(
            f"Invalid DNS suffix '{wrong.suffix}' for region '{wrong.region}' in training image. Please provide the "
            f"valid <region>.<dns-suffix>: '{scope.region}.{_dns_suffix(scope.region)}'"
        )
    return _find(scope, uri, member)


def find_processing_image(scope: Scope, uri: str, member: str) -> ImageProtocol:
    """Find the image of a processing job, monitoring schedule or monitoring job definition."""
    if wrong := _wrong_host(uri, scope.region):
        named, expected = wrong.region, scope.region
        if named == expected:  # only the domain differs
            named, expected = f"{named}.{wrong.suffix}", f"{expected}.{_dns_suffix(expected)}"
        raise ValidationException(
            f"Invalid region {named} in image URI {uri}. Please provide an image URI in region {expected}."
        )
    return _find(scope, uri, member)


def find_model_image(scope: Scope, uri: str, member: str) -> ImageProtocol:
    if _wrong_host(uri, scope.region):
        raise ValidationException(
            f'Region of "{uri}" does not match expected region of {scope.region}. '
            "Cross region ECR image pulls are not allowed."
        )
    return _find(scope, uri, member)


class _Host(NamedTuple):
    region: str
    suffix: str


def _wrong_host(uri: str, region: str) -> _Host | None:
    """Return the region and domain of an ECR image if they are not those of the call, else None."""
    match = _ECR_HOST.match(uri)
    if match is None:
        return None
    host = _Host(*match.groups())
    return None if host == _Host(region, _dns_suffix(region)) else host


@cache
def _dns_suffix(region: str) -> str:
    """Return the domain of AWS in the region's partition, such as amazonaws.com.cn."""
    from botocore.loaders import Loader  # imported here, since the start of the emulator does not need it

    for partition in Loader().load_data("partitions")["partitions"]:
        if region in partition["regions"] or re.match(partition["regionRegex"], region):
            return str(partition["outputs"]["dnsSuffix"])
    return "amazonaws.com"


def _find(scope: Scope, uri: str, member: str) -> ImageProtocol:
    try:
        return scope.images.find(uri)
    except UnknownImage as error:
        raise ValidationException(f"{member}: {error}") from error
