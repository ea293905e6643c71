"""Pipelines as records: definitions, versions, aliases, lists, refusals. What runs is in tests/engine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.emulator import Emulator
from harness.kernel.records import Key
from tests.services.conftest import Idle
from tests.services.sagemaker import test_endpoints as endpoints

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: CreatePipeline and its siblings; error texts: aws/sagemaker-python-sdk"
)

ROLE = "arn:aws:iam::123456789012:role/Role"
ARN = "arn:aws:sagemaker:us-east-1:123456789012:pipeline/Pipe"
records_emulator = endpoints.records_emulator


class Told(Idle):
    def __init__(self) -> None:
        self.submitted: list[Key] = []

    def submit(self, key: Key, again: bool = False) -> None:
        self.submitted.append(key)


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def sagemaker(records_emulator: Emulator) -> Any:
    from tests.services.conftest import client

    return client(records_emulator, "sagemaker")


def definition(message: str) -> str:
    step = {"Name": "Fail", "Type": "Fail", "Arguments": {"ErrorMessage": message}}
    parameters = [{"Name": "Count", "Type": "Integer", "DefaultValue": 1}]
    return json.dumps({"Version": "2020-12-01", "Parameters": parameters, "Steps": [step]})


def create(sagemaker: Any, name: str = "Pipe", text: str = "one", **more: Any) -> str:
    request = {"PipelineDefinition": definition(text), "RoleArn": ROLE, **more}
    return str(sagemaker.create_pipeline(PipelineName=name, **request)["PipelineArn"])


def test_a_pipeline_is_created_updated_listed_and_deleted(sagemaker: Any, told: Told) -> None:
    assert create(sagemaker, Tags=[{"Key": "k", "Value": "v"}], ClientRequestToken="t" * 32) == ARN
    assert create(sagemaker, ClientRequestToken="t" * 32) == ARN
    with pytest.raises(ClientError, match=r"ValidationException.*must be unique within an AWS account.*already exists"):
        create(sagemaker)
    assert sagemaker.list_tags(ResourceArn=ARN)["Tags"] == [{"Key": "k", "Value": "v"}]
    found = sagemaker.describe_pipeline(PipelineName="Pipe")
    assert (found["PipelineStatus"], found["PipelineDisplayName"]) == ("Active", "Pipe")
    assert found["PipelineDefinition"] == definition("one")
    create(sagemaker, "Other")
    listed = sagemaker.list_pipelines(SortBy="Name", SortOrder="Ascending", PipelineNamePrefix="Pi")
    assert [item["PipelineName"] for item in listed["PipelineSummaries"]] == ["Pipe"]
    assert sagemaker.update_pipeline(PipelineName="Pipe", PipelineDescription="d")["PipelineVersionId"] == 1
    assert sagemaker.describe_pipeline(PipelineName=ARN)["PipelineDescription"] == "d"
    assert sagemaker.delete_pipeline(PipelineName="Pipe")["PipelineArn"] == ARN
    for call in (sagemaker.describe_pipeline, sagemaker.start_pipeline_execution, sagemaker.list_pipeline_versions):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound, match=r"Pipeline '.*/Pipe' does not exist"):
            call(PipelineName="Pipe")


def test_versions_and_aliases(sagemaker: Any, told: Told) -> None:
    create(sagemaker, PipelineVersionAliases=["prod"])
    updated = sagemaker.update_pipeline(PipelineName="Pipe", PipelineDefinition=definition("two"))
    assert updated["PipelineVersionId"] == 2
    by_alias = sagemaker.describe_pipeline(PipelineName="Pipe", PipelineVersionAlias="prod")
    assert by_alias["PipelineDefinition"] == definition("one")
    sagemaker.update_pipeline_version(
        PipelineArn=ARN, PipelineVersionId=2, PipelineVersionAliasOperations={"Add": ["prod"]}
    )
    arn = sagemaker.start_pipeline_execution(PipelineName="Pipe", PipelineVersionAlias="prod")["PipelineExecutionArn"]
    assert [key.name for key in told.submitted] == [arn.partition(":pipeline/")[2]]
    text = sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=arn)["PipelineDefinition"]
    assert text == definition("two")
    versions = sagemaker.list_pipeline_versions(PipelineName="Pipe")["PipelineVersionSummaries"]
    assert [(item["PipelineVersionId"], item.get("PipelineVersionAliases", [])) for item in versions] == [
        (2, ["prod"]),
        (1, []),
    ]
    assert versions[0]["LastExecutionPipelineExecutionArn"] == arn
    with pytest.raises(sagemaker.exceptions.ResourceNotFound, match="no version 3"):
        sagemaker.describe_pipeline(PipelineName="Pipe", PipelineVersionId=3)


def test_executions_are_listed_renamed_and_described(sagemaker: Any, told: Told) -> None:
    create(sagemaker, ParallelismConfiguration={"MaxParallelExecutionSteps": 3})
    first, second = (
        sagemaker.start_pipeline_execution(PipelineName="Pipe", PipelineExecutionDisplayName=name)[
            "PipelineExecutionArn"
        ]
        for name in ("first", "second")
    )
    sagemaker.update_pipeline_execution(PipelineExecutionArn=first, PipelineExecutionDisplayName="renamed")
    found = sagemaker.describe_pipeline_execution(PipelineExecutionArn=first)
    assert (found["PipelineExecutionStatus"], found["PipelineExecutionDisplayName"]) == ("Executing", "renamed")
    assert (found["PipelineArn"], found["PipelineVersionId"]) == (ARN, 1)
    assert found["ParallelismConfiguration"] == {"MaxParallelExecutionSteps": 3}
    page = sagemaker.list_pipeline_executions(PipelineName="Pipe", MaxResults=1)
    rest = sagemaker.list_pipeline_executions(PipelineName="Pipe", MaxResults=1, NextToken=page["NextToken"])
    arns = [item["PipelineExecutionArn"] for answer in (page, rest) for item in answer["PipelineExecutionSummaries"]]
    assert arns == [second, first]
    assert "LastRunTime" in sagemaker.describe_pipeline(PipelineName="Pipe")
    for request, reason in (
        ({"PipelineParameters": [{"Name": "Count", "Value": "many"}]}, "Unexpected type for parameter 'Count'"),
        ({"SelectiveExecutionConfig": {"SelectedSteps": [{"StepName": "None"}]}}, "no step 'None'"),
        ({"MlflowExperimentName": "m"}, "MlflowExperimentName: not supported"),
    ):
        with pytest.raises(ClientError, match=reason):
            sagemaker.start_pipeline_execution(PipelineName="Pipe", **request)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=f"{ARN}/execution/none")


@pytest.mark.parametrize(
    ("request_members", "reason"),
    [
        ({"PipelineDefinition": "{}"}, "list of Steps"),
        ({"PipelineDefinition": definition("x").replace('"Fail"', '"EMR"')}, "the step type 'EMR' is not supported"),
        ({"PipelineDefinitionS3Location": {"Bucket": "bucket", "ObjectKey": "k"}}, "not both"),
    ],
)
def test_definitions_that_cannot_run_are_refused(sagemaker: Any, request_members: dict[str, Any], reason: str) -> None:
    with pytest.raises(ClientError, match=reason):
        create(sagemaker, **request_members)
    assert sagemaker.list_pipelines()["PipelineSummaries"] == []
