from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: CreateArtifact, CreateAction, CreateContext, AddAssociation and their siblings"
)


SOURCE = {"SourceUri": "s3://b/data.csv", "SourceTypes": [{"SourceIdType": "S3ETag", "Value": "e"}]}


def artifact(sagemaker: Any, **members: Any) -> str:
    request = {"ArtifactName": "data", "Source": SOURCE, "ArtifactType": "DataSet", **members}
    return str(sagemaker.create_artifact(**request)["ArtifactArn"])


def component(sagemaker: Any, name: str = "part") -> str:
    return str(sagemaker.create_trial_component(TrialComponentName=name)["TrialComponentArn"])


def code_of(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def test_artifact_is_created_described_updated_listed_and_deleted(sagemaker: Any) -> None:
    arn = artifact(sagemaker, Properties={"rows": "5", "old": "x"})
    sagemaker.update_artifact(ArtifactArn=arn, ArtifactName="renamed", PropertiesToRemove=["old"])
    found = sagemaker.describe_artifact(ArtifactArn=arn)
    assert (found["ArtifactName"], found["Properties"], found["Source"]) == ("renamed", {"rows": "5"}, SOURCE)
    for request in ({"SourceUri": SOURCE["SourceUri"]}, {"ArtifactType": "DataSet"}):
        assert [item["ArtifactArn"] for item in sagemaker.list_artifacts(**request)["ArtifactSummaries"]] == [arn]
    assert sagemaker.list_artifacts(ArtifactType="Model")["ArtifactSummaries"] == []
    sagemaker.delete_artifact(Source=SOURCE)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.describe_artifact(ArtifactArn=arn)


def test_the_same_artifact_again_is_the_same_but_not_with_other_properties(sagemaker: Any) -> None:
    assert artifact(sagemaker) == artifact(sagemaker, ArtifactName="other")
    with pytest.raises(ClientError) as caught:
        artifact(sagemaker, Properties={"rows": "9"})
    assert "already exists" in str(caught.value)
    assert artifact(sagemaker, ArtifactType="Model") != artifact(sagemaker)


def test_artifact_to_delete_must_be_named(sagemaker: Any) -> None:
    artifact(sagemaker)
    artifact(sagemaker, ArtifactType="Model")
    for request in ({}, {"Source": SOURCE}):
        with pytest.raises(ClientError) as caught:
            sagemaker.delete_artifact(**request)
        assert code_of(caught) == "ValidationException"


@pytest.mark.parametrize(("noun", "plural"), [("Action", "actions"), ("Context", "contexts")])
def test_actions_and_contexts(sagemaker: Any, noun: str, plural: str) -> None:
    low, named = noun.lower(), {f"{noun}Name": "thing"}
    source = {"SourceUri": "s3://b/x", "SourceType": "t"}
    create = {**named, "Source": source, f"{noun}Type": "kind", "Properties": {"a": "1"}}
    arn = getattr(sagemaker, f"create_{low}")(**create)[f"{noun}Arn"]
    getattr(sagemaker, f"update_{low}")(**named, Description="d")
    found = getattr(sagemaker, f"describe_{low}")(**{f"{noun}Name": arn})
    assert (found["Description"], found["Properties"], found["Source"]) == ("d", {"a": "1"}, source)
    listed = getattr(sagemaker, f"list_{plural}")
    assert [item[f"{noun}Name"] for item in listed(**{f"{noun}Type": "kind"})[f"{noun}Summaries"]] == ["thing"]
    assert listed(SourceUri="s3://b/y")[f"{noun}Summaries"] == []
    getattr(sagemaker, f"delete_{low}")(**named)
    assert listed()[f"{noun}Summaries"] == []


def test_associations_are_listed_from_either_end(sagemaker: Any) -> None:
    data, part = artifact(sagemaker), component(sagemaker)
    sagemaker.add_association(SourceArn=data, DestinationArn=part, AssociationType="ContributedTo")
    for request in (
        {"SourceArn": data},
        {"DestinationArn": part},
        {"SourceType": "DataSet"},
        {"AssociationType": "ContributedTo"},
    ):
        (found,) = sagemaker.list_associations(**request)["AssociationSummaries"]
        assert (found["SourceArn"], found["DestinationArn"]) == (data, part)
        assert (found["SourceName"], found["DestinationName"], found["SourceType"]) == ("data", "part", "DataSet")
    assert sagemaker.list_associations(AssociationType="Produced")["AssociationSummaries"] == []
    sagemaker.delete_association(SourceArn=data, DestinationArn=part)
    assert sagemaker.list_associations()["AssociationSummaries"] == []


def test_associations_that_cannot_be(sagemaker: Any) -> None:
    data, part = artifact(sagemaker), component(sagemaker)
    sagemaker.add_association(SourceArn=data, DestinationArn=part)
    with pytest.raises(ClientError, match="already exists"):
        sagemaker.add_association(SourceArn=data, DestinationArn=part)
    with pytest.raises(ClientError, match="two experiment entities"):
        sagemaker.add_association(SourceArn=component(sagemaker, "other"), DestinationArn=part)
    for missing in (sagemaker.add_association, sagemaker.delete_association):
        with pytest.raises(sagemaker.exceptions.ResourceNotFound):
            missing(SourceArn=f"{data[:-1]}z", DestinationArn=part)


def test_an_artifact_is_held_by_its_associations_and_a_component_takes_them_along(sagemaker: Any) -> None:
    data, part = artifact(sagemaker), component(sagemaker)
    sagemaker.add_association(SourceArn=part, DestinationArn=data, AssociationType="Produced")
    with pytest.raises(ClientError) as caught:
        sagemaker.delete_artifact(ArtifactArn=data)
    assert code_of(caught) == "ConflictException"
    sagemaker.delete_trial_component(TrialComponentName="part")
    assert sagemaker.list_associations()["AssociationSummaries"] == []
    sagemaker.delete_artifact(ArtifactArn=data)


@pytest.mark.provenance("documented", source="API reference: QueryLineage; developer guide: Querying Lineage Entities")
def test_lineage_is_queried_along_associations(sagemaker: Any) -> None:
    """From data through a component to a model, an action and a context; beside the model a picture."""
    data, part = artifact(sagemaker), component(sagemaker)
    model = artifact(sagemaker, ArtifactType="Model", Properties={"stage": "test"})
    image = artifact(sagemaker, ArtifactType="Image")
    source = {"SourceUri": "s3://b/x"}
    action = sagemaker.create_action(ActionName="deploy", Source=source, ActionType="ModelDeployment")["ActionArn"]
    context = sagemaker.create_context(ContextName="e", Source=source, ContextType="Endpoint")["ContextArn"]
    chain = [(data, part), (part, model), (model, action), (action, context), (image, action), (context, data)]
    for source_arn, destination in chain:
        sagemaker.add_association(SourceArn=source_arn, DestinationArn=destination, AssociationType="ContributedTo")

    def query(start: str, direction: str, **more: Any) -> Any:
        return sagemaker.query_lineage(StartArns=[start], Direction=direction, **more)

    def arns(answer: Any) -> list[str]:
        return [vertex["Arn"] for vertex in answer["Vertices"]]

    whole = query(context, "Ascendants")
    assert arns(whole)[0] == action
    assert set(arns(whole)) == {action, model, image, part, data}
    assert len(whole["Edges"]) == len(chain)
    # Filters choose what is returned. With edges, what lies on the way is returned as well.
    types = {"Types": ["DataSet"]}
    assert arns(query(context, "Ascendants", Filters=types, IncludeEdges=False)) == [data]
    on_the_way = query(context, "Ascendants", Filters=types)
    assert arns(on_the_way) == [action, model, part, data]
    assert arns(query(model, "Both", MaxDepth=1, IncludeEdges=False)) == sorted([part, action])
    found = query(data, "Descendants", Filters={"Properties": {"stage": "test"}}, IncludeEdges=False)
    assert found["Vertices"] == [{"Arn": model, "Type": "Model", "LineageType": "Artifact"}]
    assert found["Edges"] == []
    assert arns(query(data, "Descendants", Filters={"LineageTypes": ["Context"]}, IncludeEdges=False)) == [context]
    first = query(context, "Ascendants", MaxResults=2, IncludeEdges=False)
    rest = query(context, "Ascendants", MaxResults=9, IncludeEdges=False, NextToken=first["NextToken"])
    assert arns(first) + arns(rest) == arns(whole)
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        query(data[:-1] + "x", "Both")
    with pytest.raises(ClientError, match="StartArns is required"):
        sagemaker.query_lineage(Direction="Both")
