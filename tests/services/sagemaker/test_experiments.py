from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.exceptions import ClientError

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: CreateExperiment, CreateTrial, CreateTrialComponent and their siblings"
)


def error_of(caught: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def make(sagemaker: Any, experiment: str = "exp", trial: str = "trial", component: str = "part") -> None:
    sagemaker.create_experiment(ExperimentName=experiment)
    sagemaker.create_trial(TrialName=trial, ExperimentName=experiment)
    sagemaker.create_trial_component(TrialComponentName=component)
    sagemaker.associate_trial_component(TrialName=trial, TrialComponentName=component)


def test_experiment_is_described_as_created(sagemaker: Any) -> None:
    arn = sagemaker.create_experiment(ExperimentName="My-Exp", Description="d", Tags=[{"Key": "k", "Value": "v"}])
    found = sagemaker.describe_experiment(ExperimentName="My-Exp")
    assert (
        found["ExperimentArn"] == arn["ExperimentArn"] == "arn:aws:sagemaker:us-east-1:123456789012:experiment/my-exp"
    )
    assert (found["ExperimentName"], found["DisplayName"], found["Description"]) == ("My-Exp", "My-Exp", "d")
    assert abs((datetime.now(timezone.utc) - found["CreationTime"]).total_seconds()) < 30
    assert "Tags" not in found


def test_experiment_names_are_not_case_sensitive(sagemaker: Any) -> None:
    sagemaker.create_experiment(ExperimentName="Exp")
    assert sagemaker.describe_experiment(ExperimentName="EXP")["ExperimentName"] == "Exp"
    with pytest.raises(ClientError):
        sagemaker.create_experiment(ExperimentName="eXP")


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
@pytest.mark.parametrize(
    ("create", "request_"),
    [
        ("create_experiment", {"ExperimentName": "exp"}),
        ("create_trial", {"TrialName": "trial", "ExperimentName": "exp"}),
        ("create_trial_component", {"TrialComponentName": "part"}),
    ],
)
def test_a_taken_name_is_refused_in_the_words_both_sdks_look_for(
    sagemaker: Any, create: str, request_: dict[str, str]
) -> None:
    make(sagemaker)
    with pytest.raises(ClientError) as caught:
        getattr(sagemaker, create)(**request_)
    code, message = error_of(caught)
    assert code == "ValidationException"
    assert "already exists" in message
    assert "must be unique within an AWS account" in message


@pytest.mark.parametrize(
    ("method", "request_"),
    [
        ("describe_experiment", {"ExperimentName": "no"}),
        ("update_experiment", {"ExperimentName": "no"}),
        ("delete_experiment", {"ExperimentName": "no"}),
        ("create_trial", {"TrialName": "t", "ExperimentName": "no"}),
        ("describe_trial", {"TrialName": "no"}),
        ("update_trial", {"TrialName": "no"}),
        ("delete_trial", {"TrialName": "no"}),
        ("list_trials", {"ExperimentName": "no"}),
        ("list_trials", {"TrialComponentName": "no"}),
        ("describe_trial_component", {"TrialComponentName": "no"}),
        ("update_trial_component", {"TrialComponentName": "no"}),
        ("delete_trial_component", {"TrialComponentName": "no"}),
        ("list_trial_components", {"TrialName": "no"}),
        ("list_trial_components", {"ExperimentName": "no"}),
        ("associate_trial_component", {"TrialName": "no", "TrialComponentName": "no"}),
        ("disassociate_trial_component", {"TrialName": "no", "TrialComponentName": "no"}),
        ("describe_action", {"ActionName": "no"}),
        ("describe_context", {"ContextName": "no"}),
        ("describe_artifact", {"ArtifactArn": "arn:aws:sagemaker:us-east-1:123456789012:artifact/0"}),
    ],
)
def test_what_is_not_there_is_the_typed_error(sagemaker: Any, method: str, request_: dict[str, str]) -> None:
    with pytest.raises(sagemaker.exceptions.ResourceNotFound) as caught:
        getattr(sagemaker, method)(**request_)
    assert "does not exist" in error_of(caught)[1]


def test_delete_goes_from_the_leaves_up(sagemaker: Any) -> None:
    make(sagemaker)
    for method, request_ in (
        ("delete_experiment", {"ExperimentName": "exp"}),
        ("delete_trial", {"TrialName": "trial"}),
        ("delete_trial_component", {"TrialComponentName": "part"}),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(sagemaker, method)(**request_)
        assert error_of(caught)[0] == "ConflictException"
    sagemaker.disassociate_trial_component(TrialName="trial", TrialComponentName="part")
    sagemaker.delete_trial_component(TrialComponentName="part")
    sagemaker.delete_trial(TrialName="trial")
    sagemaker.delete_experiment(ExperimentName="exp")
    assert sagemaker.list_experiments()["ExperimentSummaries"] == []


def test_trial_is_updated_and_listed_by_experiment_and_by_component(sagemaker: Any) -> None:
    make(sagemaker)
    sagemaker.create_experiment(ExperimentName="other")
    sagemaker.create_trial(TrialName="apart", ExperimentName="other")
    sagemaker.update_trial(TrialName="trial", DisplayName="shown")
    assert sagemaker.describe_trial(TrialName="trial")["DisplayName"] == "shown"
    for request_ in ({"ExperimentName": "EXP"}, {"TrialComponentName": "part"}):
        assert [item["TrialName"] for item in sagemaker.list_trials(**request_)["TrialSummaries"]] == ["trial"]


def test_component_has_empty_maps_rather_than_none(sagemaker: Any) -> None:
    make(sagemaker)
    found = sagemaker.describe_trial_component(TrialComponentName="part")
    assert (found["Parameters"], found["InputArtifacts"], found["OutputArtifacts"], found["Metrics"]) == (
        {},
        {},
        {},
        [],
    )
    assert found["DisplayName"] == "part"


def test_component_is_described_by_its_arn(sagemaker: Any) -> None:
    make(sagemaker)
    arn = sagemaker.describe_trial_component(TrialComponentName="part")["TrialComponentArn"]
    assert sagemaker.describe_trial_component(TrialComponentName=arn)["TrialComponentName"] == "part"


def test_update_of_a_component_keeps_what_it_does_not_name_and_replaces_whole_maps(sagemaker: Any) -> None:
    start = datetime(2026, 11, 1, 12, 0, 0, tzinfo=timezone.utc)
    sagemaker.create_trial_component(
        TrialComponentName="part",
        StartTime=start,
        Parameters={"a": {"NumberValue": 1.0}, "b": {"StringValue": "x"}},
        InputArtifacts={"in": {"Value": "s3://b/in", "MediaType": "text/csv"}},
        OutputArtifacts={"out": {"Value": "s3://b/out"}, "old": {"Value": "s3://b/old"}},
    )
    sagemaker.update_trial_component(
        TrialComponentName="part",
        Status={"PrimaryStatus": "Completed", "Message": "m"},
        Parameters={"c": {"NumberValue": 3.0}},
        OutputArtifactsToRemove=["old"],
    )
    found = sagemaker.describe_trial_component(TrialComponentName="part")
    assert found["Parameters"] == {"c": {"NumberValue": 3.0}}
    assert found["InputArtifacts"] == {"in": {"Value": "s3://b/in", "MediaType": "text/csv"}}
    assert found["OutputArtifacts"] == {"out": {"Value": "s3://b/out"}}
    assert found["Status"] == {"PrimaryStatus": "Completed", "Message": "m"}
    assert found["StartTime"] == start


def test_components_are_listed_by_trial_by_experiment_and_one_filter_only(sagemaker: Any) -> None:
    make(sagemaker)
    sagemaker.create_trial_component(TrialComponentName="loose")
    for request_ in ({"TrialName": "trial"}, {"ExperimentName": "exp"}):
        found = sagemaker.list_trial_components(**request_)["TrialComponentSummaries"]
        assert [item["TrialComponentName"] for item in found] == ["part"]
    assert len(sagemaker.list_trial_components()["TrialComponentSummaries"]) == 2
    with pytest.raises(ClientError) as caught:
        sagemaker.list_trial_components(TrialName="trial", ExperimentName="exp")
    assert error_of(caught)[0] == "ValidationException"


def test_associating_twice_is_once(sagemaker: Any) -> None:
    make(sagemaker)
    sagemaker.associate_trial_component(TrialName="trial", TrialComponentName="part")
    sagemaker.disassociate_trial_component(TrialName="trial", TrialComponentName="part")
    assert sagemaker.list_trial_components(TrialName="trial")["TrialComponentSummaries"] == []
    with pytest.raises(sagemaker.exceptions.ResourceNotFound):
        sagemaker.disassociate_trial_component(TrialName="trial", TrialComponentName="part")
