"""The public registries of AWS's own images in us-east-1, as far as tests need them, and what ECR tells of them."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.aws_stand_in.refusals import Refused

_IMAGES: Mapping[tuple[str, str], Sequence[str]] = {
    ("683313688378", "sagemaker-xgboost"): ("1.2-2", "1.3-1", "1.5-1", "1.7-1", "3.0-5"),
    ("683313688378", "sagemaker-scikit-learn"): ("0.23-1-cpu-py3", "1.0-1-cpu-py3", "1.2-1-cpu-py3", "1.4-2-cpu-py3"),
    ("156813124566", "sagemaker-model-monitor-analyzer"): ("latest",),
}
_HOME = "us-east-1"
_URI = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)(?::(.+))?")
_MEMBERS = ("TrainingImage", "Image", "ImageUri")


def images_of(request: Any) -> Iterator[str]:
    """Every image that a request names, wherever in it."""
    if isinstance(request, list):
        for each in request:
            yield from images_of(each)
    elif isinstance(request, Mapping):
        for member, value in request.items():
            if member in _MEMBERS and isinstance(value, str):
                yield value
            else:
                yield from images_of(value)


def check_image(uri: str, region: str) -> None:
    """``Refused`` when there is no such image in the region."""
    found = _URI.fullmatch(uri)
    if found is None or found[2] != region or not _has(found[1], found[3], found[4] or "latest", region):
        raise Refused("ValidationException", f"Requested image {uri} not found.")


def told(operation: str, asked: Mapping[str, Any], region: str) -> dict[str, Any]:
    """What ECR answers."""
    if operation not in ("DescribeImages", "BatchGetImage"):
        raise Refused("AccessDeniedException", f"the stand-in does not have {operation}")
    registry, repository = asked.get("registryId", ""), asked["repositoryName"]
    if region != _HOME or (registry, repository) not in _IMAGES:
        raise Refused(
            "RepositoryNotFoundException",
            f"The repository with name '{repository}' does not exist in the registry with id '{registry}'",
        )
    wanted = [each.get("imageTag", "") for each in asked.get("imageIds", ())] or list(_IMAGES[registry, repository])
    there = [tag for tag in wanted if _has(registry, repository, tag, region)]
    if operation == "BatchGetImage":
        failures = [
            {"imageId": {"imageTag": tag}, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
            for tag in wanted
            if tag not in there
        ]
        return {"images": [_image(registry, repository, tag) for tag in there], "failures": failures}
    if missing := [tag for tag in wanted if tag not in there]:
        raise Refused(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'null', imageTag:'{missing[0]}'}} does not exist within the "
            f"repository with name '{repository}' in the registry with id '{registry}'",
        )
    return {"imageDetails": [_detail(registry, repository, tag) for tag in there]}


def _has(registry: str, repository: str, tag: str, region: str) -> bool:
    tags = _IMAGES.get((registry, repository), ())
    return region == _HOME and (tag in tags or f"{tag}-cpu-py3" in tags)


def _digest(*parts: str) -> str:
    return "sha256:" + hashlib.sha256(":".join(parts).encode()).hexdigest()


def _detail(registry: str, repository: str, tag: str) -> dict[str, Any]:
    return {
        "registryId": registry,
        "repositoryName": repository,
        "imageDigest": _digest(registry, repository, tag),
        "imageTags": [tag],
        "imageSizeInBytes": 500_000_000,
        "imagePushedAt": 1_760_000_000.0,
        "imageManifestMediaType": "application/vnd.docker.distribution.manifest.v2+json",
    }


def _image(registry: str, repository: str, tag: str) -> dict[str, Any]:
    return {
        "registryId": registry,
        "repositoryName": repository,
        "imageId": {"imageDigest": _digest(registry, repository, tag), "imageTag": tag},
        "imageManifest": '{"schemaVersion": 2, "architecture": "amd64"}',
    }
