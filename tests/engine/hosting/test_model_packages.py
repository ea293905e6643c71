"""Models that are made of a package of the registry, on endpoints and in transform jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import BUCKET, Cloud
from tests.hosting import SERVER, Hosting, archive

pytestmark = pytest.mark.provenance("documented", source="API reference: CreateModelPackage and CreateModel")


def register(hosting: Hosting, group: str, data: str, environment: dict[str, str], **more: Any) -> str:
    container = {"Image": SERVER, "ModelDataUrl": data, "Environment": environment}
    arn: str = hosting.sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification={"Containers": [container]}, **more
    )["ModelPackageArn"]
    return arn


def test_a_package_serves_and_predicts_with_its_own_model_and_variables(hosting: Hosting, cloud: Cloud) -> None:
    group = cloud.name("Group")
    hosting.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    with pytest.raises(ClientError, match="Could not find model data at s3://"):
        register(hosting, group, f"s3://{BUCKET}/no/model.tar.gz", {})
    data = cloud.put(f"{group}/model.tar.gz", archive({"weights": "7"}))
    package = register(hosting, group, data, {"ANSWER": "facts"}, ModelApprovalStatus="Approved")
    model = hosting.model_of({"ModelPackageName": package})
    echo = hosting.model_of({"ModelPackageName": package, "Environment": {"ANSWER": "echo"}})
    hosting.sagemaker.delete_model_package(ModelPackageName=package)  # which leaves the models as they are

    endpoint = hosting.serve(hosting.variant(model))
    assert hosting.facts(endpoint)["files"] == {"weights": "7"}
    hosting.remove(endpoint)
    source = cloud.put(f"{group}/rows/rows.csv", "1,2\n3,4\n")
    job = hosting.transform(echo, source)
    assert job["TransformJobStatus"] == "Completed", json.dumps(job, default=str)
    assert hosting.outputs(job) == {"rows.csv.out": b"1,2\n3,4\n"}
    hosting.sagemaker.delete_model_package_group(ModelPackageGroupName=group)
