"""ECR lists what a container engine holds beside what was put into it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.moto.serving import ACCOUNT, Served, serve

MANIFEST = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}


@dataclass(frozen=True)
class Image:
    repository: str
    tag: str
    digest: str
    size: int = 10
    created: float = 1_700_000_000.0
    manifest: Callable[[], str] = lambda: json.dumps(MANIFEST)


ONE, TWO = "sha256:" + "1" * 64, "sha256:" + "2" * 64


def engine(account: str, region: str) -> Sequence[Image]:
    if (account, region) != (ACCOUNT, "us-east-1"):
        return []
    return [Image("team/mine", "1", ONE), Image("team/mine", "latest", ONE), Image("pushed", "2", TWO)]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serve(tmp_path / "state", engine_images=engine) as running:
        yield running


@pytest.fixture
def ecr(served: Served) -> Any:
    made = served.client("ecr")
    made.create_repository(repositoryName="pushed")
    made.put_image(repositoryName="pushed", imageManifest=json.dumps(MANIFEST), imageTag="1")
    return made


def test_repositories_of_both_once_each(ecr: Any) -> None:
    found = {each["repositoryName"]: each for each in ecr.describe_repositories()["repositories"]}
    assert sorted(found) == ["pushed", "team/mine"]
    assert found["team/mine"]["repositoryUri"] == f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/team/mine"
    assert found["team/mine"]["createdAt"] == datetime.fromtimestamp(1_700_000_000, timezone.utc)
    chosen = ecr.describe_repositories(repositoryNames=["team/mine"])["repositories"]
    assert [each["repositoryName"] for each in chosen] == ["team/mine"]
    pages = ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 1})
    assert [page["repositories"][0]["repositoryName"] for page in pages] == ["pushed", "team/mine"]


def test_images_of_both_in_one_repository(ecr: Any) -> None:
    tags = {each["imageTag"] for each in ecr.list_images(repositoryName="pushed")["imageIds"]}
    assert tags == {"1", "2"}
    assert ecr.list_images(repositoryName="team/mine")["imageIds"] == [
        {"imageDigest": ONE, "imageTag": "1"},
        {"imageDigest": ONE, "imageTag": "latest"},
    ]
    assert ecr.list_images(repositoryName="team/mine", filter={"tagStatus": "UNTAGGED"})["imageIds"] == []
    (mine,) = ecr.describe_images(repositoryName="team/mine")["imageDetails"]
    assert (mine["imageDigest"], mine["imageTags"], mine["imageSizeInBytes"]) == (ONE, ["1", "latest"], 10)
    by_tag = ecr.describe_images(repositoryName="pushed", imageIds=[{"imageTag": "2"}, {"imageDigest": TWO}])
    assert [each["imageDigest"] for each in by_tag["imageDetails"]] == [TWO]


def test_manifests_of_both(ecr: Any) -> None:
    wanted = [{"imageTag": "1"}, {"imageTag": "2"}, {"imageTag": "3"}]
    found = ecr.batch_get_image(repositoryName="pushed", imageIds=wanted)
    assert {each["imageId"]["imageTag"] for each in found["images"]} == {"1", "2"}
    assert all(json.loads(each["imageManifest"])["schemaVersion"] == 2 for each in found["images"])
    assert [each["imageId"]["imageTag"] for each in found["failures"]] == ["3"]
    only = ecr.batch_get_image(repositoryName="team/mine", imageIds=[{"imageTag": "1"}, {"imageTag": "9"}])
    assert len(only["images"]) == 1
    assert only["failures"][0]["failureCode"] == "ImageNotFound"


def test_what_neither_has_is_said_in_ecrs_words(ecr: Any, served: Served) -> None:
    cases = {
        "RepositoryNotFoundException": [
            lambda: ecr.describe_repositories(repositoryNames=["team/mine", "none"]),
            lambda: ecr.list_images(repositoryName="none"),
            lambda: ecr.describe_images(repositoryName="none"),
            lambda: served.client("ecr", region="eu-west-1").list_images(repositoryName="team/mine"),
            lambda: ecr.list_images(repositoryName="team/mine", registryId="999999999999"),
        ],
        "ImageNotFoundException": [
            lambda: ecr.describe_images(repositoryName="team/mine", imageIds=[{"imageTag": "9"}]),
        ],
        "InvalidParameterException": [lambda: ecr.describe_repositories(nextToken="not one")],
    }
    for code, calls in cases.items():
        for call in calls:
            with pytest.raises(ClientError) as refused:
                call()
            assert refused.value.response["Error"]["Code"] == code


def test_a_token_that_is_not_over(ecr: Any) -> None:
    (given,) = ecr.get_authorization_token()["authorizationData"]
    assert given["expiresAt"] > datetime.now(timezone.utc)
