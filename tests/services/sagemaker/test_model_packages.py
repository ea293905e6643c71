"""The model registry through boto3: groups, versions, their approval, policies, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.provenance("documented", source="API reference: CreateModelPackage and its siblings")

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:3.0-5"
SPECIFICATION = {
    "Containers": [{"Image": IMAGE, "Environment": {"A": "1"}}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}
PLAIN = {**SPECIFICATION, "Containers": [{"Image": IMAGE}]}
ARN = "arn:aws:sagemaker:us-east-1:123456789012:model-package"
GROUP_ARN = f"{ARN}-group/abalone"


def refusal(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    error = raised.value.response["Error"]
    return error["Code"], error["Message"]


def register(sagemaker: Any, **members: Any) -> str:
    request = {"ModelPackageGroupName": "Abalone", "InferenceSpecification": SPECIFICATION, **members}
    arn: str = sagemaker.create_model_package(**request)["ModelPackageArn"]
    return arn


def test_groups_are_described_listed_and_deleted_when_empty(sagemaker: Any) -> None:
    for name in ("Abalone", "other"):
        sagemaker.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription=f"of {name}")
    found = sagemaker.describe_model_package_group(ModelPackageGroupName=GROUP_ARN)
    assert (found["ModelPackageGroupName"], found["ModelPackageGroupArn"]) == ("Abalone", GROUP_ARN)
    assert (found["ModelPackageGroupStatus"], found["ModelPackageGroupDescription"]) == ("Completed", "of Abalone")
    code, told = refusal(lambda: sagemaker.create_model_package_group(ModelPackageGroupName="Abalone"))
    assert (code, "already exists" in told) == ("ValidationException", True)
    listed = sagemaker.list_model_package_groups(NameContains="Abal")["ModelPackageGroupSummaryList"]
    assert [item["ModelPackageGroupArn"] for item in listed] == [GROUP_ARN]
    assert len(sagemaker.search(Resource="ModelPackageGroup")["Results"]) == 2

    version = register(sagemaker)
    code, told = refusal(lambda: sagemaker.delete_model_package_group(ModelPackageGroupName="Abalone"))
    assert (code, "Delete its model packages first" in told) == ("ConflictException", True)
    assert sagemaker.describe_model_package_group(ModelPackageGroupName="Abalone")["ModelPackageGroupStatus"] == (
        "Completed"
    )
    sagemaker.delete_model_package(ModelPackageName=version)
    assert register(sagemaker) == f"{ARN}/abalone/2"
    sagemaker.delete_model_package(ModelPackageName="Abalone/2")
    sagemaker.delete_model_package_group(ModelPackageGroupName="Abalone")
    missing = ("ValidationException", f"ModelPackageGroup {GROUP_ARN} does not exist.")
    assert refusal(lambda: sagemaker.describe_model_package_group(ModelPackageGroupName="Abalone")) == missing
    assert refusal(lambda: register(sagemaker)) == missing
    assert refusal(lambda: sagemaker.list_model_packages(ModelPackageGroupName="Abalone")) == missing


def test_policies_are_stored(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="Abalone")
    group = {"ModelPackageGroupName": "Abalone"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]})
    assert "Cannot find resource policy" in refusal(lambda: sagemaker.get_model_package_group_policy(**group))[1]
    assert sagemaker.put_model_package_group_policy(**group, ResourcePolicy=policy)["ModelPackageGroupArn"] == GROUP_ARN
    assert sagemaker.get_model_package_group_policy(**group)["ResourcePolicy"] == policy
    sagemaker.delete_model_package_group_policy(**group)
    assert "Cannot find resource policy" in refusal(lambda: sagemaker.delete_model_package_group_policy(**group))[1]
    bad = {**group, "ResourcePolicy": "{"}
    assert "not JSON" in refusal(lambda: sagemaker.put_model_package_group_policy(**bad))[1]
    other = {"ModelPackageGroupName": "other"}
    assert "Cannot find Model Package Group" in refusal(lambda: sagemaker.get_model_package_group_policy(**other))[1]


def test_versions_are_numbered_approved_and_listed(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="Abalone")
    metrics = {"ModelQuality": {"Statistics": {"ContentType": "application/json", "S3Uri": "s3://b/e.json"}}}
    first = register(
        sagemaker,
        ClientToken="t",
        ModelMetrics=metrics,
        CustomerMetadataProperties={"team": "a", "old": "b"},
        ModelCard={"ModelCardContent": "{}", "ModelCardStatus": "Draft"},
    )
    assert first == f"{ARN}/abalone/1"
    assert register(sagemaker, ModelPackageGroupName=GROUP_ARN, ModelApprovalStatus="Approved") == f"{ARN}/abalone/2"
    found = sagemaker.describe_model_package(ModelPackageName=first)
    assert "ModelPackageName" not in found
    assert "LastModifiedTime" not in found
    assert (found["ModelPackageGroupName"], found["ModelPackageVersion"]) == ("Abalone", 1)
    assert (found["ModelPackageStatus"], found["ModelApprovalStatus"]) == ("Completed", "PendingManualApproval")
    assert found["ModelPackageStatusDetails"] == {"ValidationStatuses": [], "ImageScanStatuses": []}
    assert (found["InferenceSpecification"], found["ModelMetrics"]) == (SPECIFICATION, metrics)

    assert "was used before" in refusal(lambda: register(sagemaker, ClientToken="t"))[1]
    updated = sagemaker.update_model_package(
        ModelPackageArn=first,
        ModelApprovalStatus="Rejected",
        ApprovalDescription="not yet",
        CustomerMetadataProperties={"new": "c"},
        CustomerMetadataPropertiesToRemove=["old"],
        ModelLifeCycle={"Stage": "Development", "StageStatus": "Tried"},
        ModelCard={"ModelCardStatus": "Approved"},
        AdditionalInferenceSpecificationsToAdd=[{"Name": "extra", "Containers": [{"Image": IMAGE}]}],
    )
    assert updated["ModelPackageArn"] == first
    found = sagemaker.describe_model_package(ModelPackageName="abalone/1")
    assert (found["ModelApprovalStatus"], found["ApprovalDescription"]) == ("Rejected", "not yet")
    assert found["CustomerMetadataProperties"] == {"team": "a", "new": "c"}
    assert found["ModelCard"] == {"ModelCardContent": "{}", "ModelCardStatus": "Approved"}
    assert [item["Name"] for item in found["AdditionalInferenceSpecifications"]] == ["extra"]
    assert found["LastModifiedTime"] >= found["CreationTime"]

    def versions(**filters: Any) -> list[int]:
        pages = sagemaker.get_paginator("list_model_packages").paginate(PaginationConfig={"PageSize": 3}, **filters)
        return [item["ModelPackageVersion"] for page in pages for item in page["ModelPackageSummaryList"]]

    for _ in range(9):
        register(sagemaker, SourceUri=first)
    group = {"ModelPackageGroupName": "Abalone"}
    assert versions(**group) == list(range(1, 12))
    assert versions(**group, SortBy="Name", SortOrder="Descending") == list(range(11, 0, -1))
    assert versions(**group, ModelApprovalStatus="Approved") == [2]
    assert versions(ModelPackageType="Versioned", NameContains="lone", ModelApprovalStatus="Rejected") == [1]
    assert versions() == []
    batch = sagemaker.batch_describe_model_package(ModelPackageArnList=[first, f"{ARN}/abalone/99"])
    assert batch["ModelPackageSummaries"][first]["ModelPackageVersion"] == 1
    assert "does not exist" in batch["BatchDescribeModelPackageErrorMap"][f"{ARN}/abalone/99"]["ErrorResponse"]
    stage = {"Filters": [{"Name": "ModelLifeCycle.Stage", "Operator": "Equals", "Value": "Development"}]}
    results = sagemaker.search(Resource="ModelPackage", SearchExpression=stage)["Results"]
    assert [item["ModelPackage"]["ModelPackageArn"] for item in results] == [first]


def test_a_package_without_a_group_stands_alone(sagemaker: Any) -> None:
    request = {"ModelPackageName": "Lone", "InferenceSpecification": PLAIN, "Tags": [{"Key": "a", "Value": "b"}]}
    arn = sagemaker.create_model_package(**request)["ModelPackageArn"]
    assert arn == f"{ARN}/lone"
    found = sagemaker.describe_model_package(ModelPackageName="Lone")
    assert (found["ModelPackageName"], found["ModelPackageStatus"]) == ("Lone", "Completed")
    assert "ModelApprovalStatus" not in found
    assert "ModelPackageVersion" not in found
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == request["Tags"]
    assert "ModelPackage already exists" in refusal(lambda: sagemaker.create_model_package(**request))[1]
    assert len(sagemaker.list_model_packages()["ModelPackageSummaryList"]) == 1
    approved = {"ModelPackageArn": arn, "ModelApprovalStatus": "Approved"}
    assert "only for a model package in a group" in refusal(lambda: sagemaker.update_model_package(**approved))[1]
    sagemaker.delete_model_package(ModelPackageName=arn)
    told = refusal(lambda: sagemaker.describe_model_package(ModelPackageName="Lone"))[1]
    assert told == f"Could not find model package: ModelPackage {ARN}/Lone does not exist.".replace("Lone", "lone")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_what_cannot_be_registered_is_refused_and_leaves_nothing(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="Abalone")
    validation = {"ValidationRole": "arn:aws:iam::123456789012:role/Role", "ValidationProfiles": []}
    twice = [{"Name": "same", "Containers": [{"Image": IMAGE}]}] * 2
    card = {"ModelCardContent": '{"model_overview": {"model_name": "m"}}', "ModelCardStatus": "Draft"}
    for members, told in (
        ({"ModelPackageName": "n"}, "Cannot determine which one to use"),
        ({"Tags": [{"Key": "a", "Value": "b"}]}, "cannot have tags"),
        ({"CertifyForMarketplace": True}, "CertifyForMarketplace"),
        ({"ValidationSpecification": validation}, "ValidationSpecification: not supported"),
        ({"InferenceSpecification": {"Containers": [{"Image": "nobody/knows:1"}]}}, "is not in the catalogue"),
        ({"InferenceSpecification": {"Containers": [{}]}}, "has no Image"),
        ({"AdditionalInferenceSpecifications": twice}, "more than once"),
        ({"ModelCard": card}, "model_name is not allowed"),
    ):
        assert told in refusal(lambda members=members: register(sagemaker, **members))[1]  # type: ignore[misc]
    alone = {"ModelPackageName": "n", "InferenceSpecification": SPECIFICATION}
    assert "Environment variable map" in refusal(lambda: sagemaker.create_model_package(**alone))[1]
    late = {"ModelPackageName": "n", "InferenceSpecification": PLAIN, "ModelApprovalStatus": "Approved"}
    assert "only for a model package in a group" in refusal(lambda: sagemaker.create_model_package(**late))[1]
    assert sagemaker.list_model_packages(ModelPackageType="Both")["ModelPackageSummaryList"] == []


def test_a_model_is_made_of_an_approved_package(sagemaker: Any) -> None:
    sagemaker.create_model_package_group(ModelPackageGroupName="Abalone")
    extra = {"Name": "extra", "Containers": [{"Image": IMAGE.replace("3.0-5", "1.7-1")}]}
    arn = register(sagemaker, AdditionalInferenceSpecifications=[extra])

    def create(name: str, **container: Any) -> Any:
        container = {"ModelPackageName": arn, **container}
        role = "arn:aws:iam::123456789012:role/Role"
        return sagemaker.create_model(ModelName=name, Containers=[container], ExecutionRoleArn=role)

    assert "it must be Approved to be deployed" in refusal(lambda: create("m"))[1]
    sagemaker.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")
    assert "Image: not allowed" in refusal(lambda: create("m", Image=IMAGE))[1]
    assert "it has: extra" in refusal(lambda: create("m", InferenceSpecificationName="other"))[1]
    create("m", Environment={"B": "2"})
    create("n", InferenceSpecificationName="extra")
    shown = [{"ModelPackageName": arn, "Environment": {"B": "2"}}]
    assert sagemaker.describe_model(ModelName="m")["Containers"] == shown
