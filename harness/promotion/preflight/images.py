"""Preflight checks of images: they are in Amazon ECR in the run's region, exist, and fit the machines' processors."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.promotion.account import Account, credentials_expired
from harness.promotion.plan import RunPlan
from harness.promotion.preflight.findings import FAILURE, OK, UNCHECKED, WARNING, Finding, code

_URI = re.compile(
    r"(?P<registry>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com(\.cn)?/(?P<repository>[^:@]+)"
    r"(:(?P<tag>[^@]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_ARM_NAMES = re.compile(r"arm64|aarch64|graviton", re.IGNORECASE)
# Graviton families have a g after the generation's digit (m6g, c7gn, t4g, g5g); g4dn and p4de are not among them.
_ARM_MACHINES = re.compile(r"ml\.[a-z]+\d+g[a-z]*\.")
_GONE = ("ImageNotFoundException", "RepositoryNotFoundException", "ImageNotFound")
ARM, X86 = "arm64", "amd64"
_INDEXES = (
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.index.v1+json",
)
_MANIFESTS = (
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
)


@dataclass(frozen=True)
class EcrImage:
    registry: str
    region: str
    repository: str
    tag: str
    digest: str

    @property
    def id(self) -> dict[str, str]:
        return {"imageDigest": self.digest} if self.digest else {"imageTag": self.tag or "latest"}


def parse(uri: str) -> EcrImage | None:
    match = _URI.fullmatch(uri)
    if match is None:
        return None
    return EcrImage(match["registry"], match["region"], match["repository"], match["tag"] or "", match["digest"] or "")


def check_images(account: Account, plans: Iterable[RunPlan]) -> Iterator[Finding]:
    used: dict[str, set[str]] = {}
    for plan in plans:
        for planned in plan.resources:
            machines = planned.machines or _serving_machines(plan) if planned.kind == "Model" else planned.machines
            for uri in planned.images:
                used.setdefault(uri, set()).update(each.instance_type for each in machines)
    for uri, instance_types in used.items():
        yield _check_image(account, uri, instance_types)


def _serving_machines(plan: RunPlan) -> tuple[Any, ...]:
    """Return the machines of all endpoints and transform jobs: which of them use a model is not recorded."""
    serving = [planned for planned in plan.resources if planned.kind in ("Endpoint", "TransformJob")]
    return tuple(machines for planned in serving for machines in planned.machines)


def _check_image(account: Account, uri: str, instance_types: set[str]) -> Finding:
    from botocore.exceptions import BotoCoreError, ClientError

    topic = "image"
    image = parse(uri)
    if image is None:
        return Finding(
            topic,
            FAILURE,
            f"{uri} is not in Amazon ECR, and SageMaker runs images from there only",
            "push it to ECR and use that URI",
        )
    if image.region != account.region:
        return Finding(
            topic,
            WARNING,
            f"{uri}, used by the last run here, is in {image.region}, and the run is in {account.region}",
            "use session.region in the scenario when it retrieves the image URI",
        )
    try:
        processors = _processors(account, image)
    except (BotoCoreError, ClientError) as error:
        if credentials_expired(error):
            raise
        if code(error) in _GONE:
            remedy = "push it" if image.registry == account.id else "choose a version that exists"
            return Finding(topic, FAILURE, f"{uri} does not exist", remedy)
        return Finding(
            topic,
            UNCHECKED,
            f"{uri}: its registry answered {code(error)}",
            f"allow ecr:DescribeImages and ecr:BatchGetImage on {image.repository} to have it checked",
        )
    return _compare_processors(uri, processors, instance_types)


def _processors(account: Account, image: EcrImage) -> set[str]:
    """Return the processors an image is built for, from its index, else from its name. Raise if it does not exist."""
    from botocore.exceptions import ClientError

    client = account.client("ecr")
    request: dict[str, Any] = {
        "registryId": image.registry,
        "repositoryName": image.repository,
        "imageIds": [image.id],
    }
    by_name = {ARM} if _ARM_NAMES.search(f"{image.repository}:{image.tag}") else {X86}
    try:
        media = {detail.get("imageManifestMediaType") for detail in client.describe_images(**request)["imageDetails"]}
        if not media & {*_INDEXES}:
            return by_name
    except ClientError as error:
        if code(error) in _GONE:
            raise
        # Images in AWS's own registries can be pulled by everyone but described by nobody.
    answer = client.batch_get_image(**request, acceptedMediaTypes=[*_INDEXES, *_MANIFESTS])
    if not answer["images"]:
        failure = (answer.get("failures") or [{}])[0]
        raise ClientError(
            {
                "Error": {
                    "Code": failure.get("failureCode", "ImageNotFound"),
                    "Message": failure.get("failureReason", ""),
                }
            },
            "BatchGetImage",
        )
    manifest = json.loads(answer["images"][0]["imageManifest"])
    platforms = {each.get("platform", {}).get("architecture") for each in manifest.get("manifests", ())}
    return (platforms & {ARM, X86}) or by_name


def _compare_processors(uri: str, processors: set[str], instance_types: set[str]) -> Finding:
    for instance_type in sorted(instance_types):
        machine = ARM if _ARM_MACHINES.match(instance_type) else X86
        if machine not in processors:
            built_for = " and ".join(sorted(processors))
            return Finding(
                "image",
                FAILURE,
                f"{uri} is built for {built_for}, and {instance_type} is {machine}",
                "choose the image for the other processor, or another instance type in the profile",
            )
    return Finding("image", OK, uri)
