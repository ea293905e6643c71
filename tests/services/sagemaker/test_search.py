from __future__ import annotations

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.emulator import Emulator
from harness.engine.tracking.component_metrics import put_metrics
from harness.kernel.records import Key, Record

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: Search, SearchExpression, Filter and NestedFilters"
)


COMPONENT = "experiment-trial-component"


def found(sagemaker: Any, resource: str = "ExperimentTrialComponent", **request: Any) -> list[str]:
    results = sagemaker.search(Resource=resource, **request)["Results"]
    noun = {"ExperimentTrialComponent": "TrialComponent", "ExperimentTrial": "Trial"}.get(resource, resource)
    return [result[noun][f"{noun}Name"] for result in results]


def where(name: str, operator: str | None = None, value: str | None = None) -> dict[str, Any]:
    given = {"Name": name, "Operator": operator, "Value": value}
    return {"SearchExpression": {"Filters": [{key: text for key, text in given.items() if text is not None}]}}


@pytest.fixture
def three(sagemaker: Any, records_emulator: Emulator) -> Any:
    """Components one, two and three of one trial; the accuracy and the depth grow, three has a tag of its own."""
    sagemaker.create_experiment(ExperimentName="exp")
    sagemaker.create_trial(TrialName="trial", ExperimentName="exp")
    for number, name in enumerate(("one", "two", "three"), 1):
        sagemaker.create_trial_component(
            TrialComponentName=name,
            Parameters={
                "max_depth": {"NumberValue": float(number)},
                "objective": {"StringValue": f"binary:{name}"},
                "SageMaker.InstanceType": {"StringValue": f"ml.m5.{number}xlarge"},
            },
            InputArtifacts={"train": {"Value": f"s3://bucket/{name}/train.csv"}},
            Tags=[{"Key": "team", "Value": "risk"}] if name == "three" else [],
        )
        sagemaker.associate_trial_component(TrialName="trial", TrialComponentName=name)
        point = {"MetricName": "test:acc", "Timestamp": float(number), "Value": number / 10}
        put_metrics(records_emulator.records, Key(COMPONENT, "123456789012", "us-east-1", name), [point])
    return sagemaker


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        (("TrialComponentName", "Equals", "TWO"), {"two"}),
        (("TrialComponentName", None, "two"), {"two"}),
        (("TrialComponentName", "NotEquals", "two"), {"one", "three"}),
        (("TrialComponentName", "Contains", "t"), {"two", "three"}),
        (("TrialComponentName", "In", "one, three"), {"one", "three"}),
        (("Parents.ExperimentName", "Equals", "exp"), {"one", "two", "three"}),
        (("Parents.TrialName", "Equals", "other"), set()),
        (("Parameters.max_depth", "GreaterThan", "1"), {"two", "three"}),
        (("Parameters.max_depth", "Equals", "2.0"), {"two"}),
        (("Parameters.objective", "Equals", "binary:one"), {"one"}),
        (("Parameters.SageMaker.InstanceType", "Equals", "ml.m5.3xlarge"), {"three"}),
        (("Parameters.gamma", "Exists", None), set()),
        (("Parameters.gamma", "NotExists", None), {"one", "two", "three"}),
        (("Metrics.test:acc.Max", "GreaterThanOrEqualTo", "0.2"), {"two", "three"}),
        (("Metrics.test:acc", "LessThan", "0.15"), {"one"}),
        (("metrics.test:acc.last", "LessThanOrEqualTo", "0.2"), {"one", "two"}),
        (("Tags.team", "Equals", "risk"), {"three"}),
        (("Tags.team", "NotExists", None), {"one", "two"}),
        (("InputArtifacts.train", "Contains", "/two/"), {"two"}),
        (("InputArtifacts", "Contains", "/one/"), {"one"}),
        (("CreationTime", "GreaterThan", "2020-01-01T00:00:00Z"), {"one", "two", "three"}),
        (("CreationTime", "LessThan", "2020-01-01T00:00:00"), set()),
        (("Status.PrimaryStatus", "Exists", None), set()),
    ],
)
def test_filters(three: Any, filter_: tuple[str, str | None, str | None], expected: set[str]) -> None:
    assert set(found(three, **where(*filter_))) == expected


def test_expressions_are_combined_and_nested(three: Any) -> None:
    def name(text: str) -> dict[str, str]:
        return {"Name": "TrialComponentName", "Operator": "Equals", "Value": text}

    either = {"Filters": [name("one"), name("two")], "Operator": "Or"}
    deep = {"Filters": [{"Name": "Parameters.max_depth", "Operator": "GreaterThan", "Value": "1"}]}
    assert set(found(three, SearchExpression=either)) == {"one", "two"}
    assert found(three, SearchExpression={"SubExpressions": [either, deep]}) == ["two"]
    nested = {
        "NestedPropertyName": "Parents",
        "Filters": [
            {"Name": "Parents.TrialName", "Operator": "Equals", "Value": "trial"},
            {"Name": "ExperimentName", "Operator": "Equals", "Value": "other"},
        ],
    }
    assert found(three, SearchExpression={"NestedFilters": [nested]}) == []
    nested["Filters"][1]["Value"] = "exp"
    assert len(found(three, SearchExpression={"NestedFilters": [nested]})) == 3


def test_nested_filters_want_one_object_that_satisfies_all(sagemaker: Any, records_emulator: Emulator) -> None:
    channels = [
        {"ChannelName": name, "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://b/{name}"}}}
        for name in ("train", "validation")
    ]
    add_job(records_emulator, "job", {"InputDataConfig": channels, "HyperParameters": {"eta": "0.2", "depth": "5"}})

    def nested(channel: str, uri: str) -> dict[str, Any]:
        filters = [
            {"Name": "InputDataConfig.ChannelName", "Operator": "Equals", "Value": channel},
            {"Name": "InputDataConfig.DataSource.S3DataSource.S3Uri", "Operator": "Contains", "Value": uri},
        ]
        return {"SearchExpression": {"NestedFilters": [{"NestedPropertyName": "InputDataConfig", "Filters": filters}]}}

    assert found(sagemaker, "TrainingJob", **nested("train", "b/train")) == ["job"]
    assert found(sagemaker, "TrainingJob", **nested("train", "b/validation")) == []
    assert found(sagemaker, "TrainingJob", **where("HyperParameters.eta", "LessThan", "0.5")) == ["job"]
    assert found(sagemaker, "TrainingJob", **where("HyperParameters.eta", "Equals", "0")) == ["job"]  # as documented
    assert found(sagemaker, "TrainingJob", **where("Metrics.validation:auc", "GreaterThan", "0.9")) == ["job"]


def add_job(emulator: Emulator, name: str, spec: dict[str, Any]) -> Record:
    return emulator.records.add(
        Record(
            Key("training-job", "123456789012", "us-east-1", name),
            f"arn:aws:sagemaker:us-east-1:123456789012:training-job/{name.lower()}",
            {"TrainingJobName": name, **spec},
            status={
                "TrainingJobStatus": "Completed",
                "FinalMetricDataList": [{"MetricName": "validation:auc", "Value": 0.95, "Timestamp": 5.0}],
            },
            created=time.time(),
        )
    )


def test_a_component_shows_parents_metrics_tags_and_its_source(three: Any, records_emulator: Emulator) -> None:
    job = add_job(records_emulator, "My-Job", {})
    records_emulator.records.add(
        Record(
            Key(COMPONENT, "123456789012", "us-east-1", "my-job-aws-training-job"),
            "arn",
            {"TrialComponentName": "My-Job-aws-training-job"},
            status={"Source": {"SourceArn": job.arn, "SourceType": "SageMakerTrainingJob"}},
        )
    )
    result = three.search(Resource="ExperimentTrialComponent", **where("Source.SourceArn", "Equals", job.arn.upper()))
    detail = result["Results"][0]["TrialComponent"]["SourceDetail"]
    assert detail["TrainingJob"]["TrainingJobName"] == "My-Job"
    part = three.search(Resource="ExperimentTrialComponent", **where("Tags.team", "Exists"))["Results"][0][
        "TrialComponent"
    ]
    assert part["Parents"] == [{"TrialName": "trial", "ExperimentName": "exp"}]
    assert part["Tags"] == [{"Key": "team", "Value": "risk"}]
    assert (part["Metrics"][0]["MetricName"], part["Metrics"][0]["Max"]) == ("test:acc", 0.3)


def test_sorting_by_any_property_puts_what_lacks_it_last(three: Any) -> None:
    three.create_trial_component(TrialComponentName="bare")
    by_metric = {"SortBy": "metrics.test:acc.max"}
    assert found(three, **by_metric) == ["three", "two", "one", "bare"]
    assert found(three, **by_metric, SortOrder="Ascending") == ["one", "two", "three", "bare"]
    assert found(three, SortBy="TrialComponentName", SortOrder="Ascending") == ["bare", "one", "three", "two"]
    assert found(three, SortBy="CreationTime", SortOrder="Ascending") == ["one", "two", "three", "bare"]


def test_pages(three: Any) -> None:
    request = {"Resource": "ExperimentTrialComponent", "SortBy": "Metrics.test:acc.Max", "MaxResults": 2}
    first = three.search(**request)
    second = three.search(**request, NextToken=first["NextToken"])
    names = [item["TrialComponent"]["TrialComponentName"] for item in [*first["Results"], *second["Results"]]]
    assert names == ["three", "two", "one"]
    assert "NextToken" not in second


def test_experiments_and_trials(three: Any) -> None:
    assert found(three, "Experiment", **where("ExperimentName", "Contains", "xp")) == ["exp"]
    result = three.search(Resource="ExperimentTrial", **where("ExperimentName", "Equals", "exp"))["Results"][0]["Trial"]
    assert {item["TrialComponentName"] for item in result["TrialComponentSummaries"]} == {"one", "two", "three"}
    assert found(three, "ExperimentTrial", **where("TrialComponentSummaries.TrialComponentName", "Equals", "one")) == [
        "trial"
    ]


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (where("TrialComponentNaem", "Equals", "x"), "ValidationException"),
        (where("TrialComponentName", "Equals"), "ValidationException"),
        (where("Parameters.max_depth", "GreaterThan", "deep"), "ValidationException"),
        ({"SearchExpression": {}}, "ValidationException"),
        ({"SortBy": "Nothing"}, "ValidationException"),
        ({"CrossAccountFilterOption": "CrossAccount"}, "UnsupportedOperationException"),
        ({"Resource": "Project"}, "UnsupportedOperationException"),
    ],
)
def test_what_cannot_be_asked_is_refused(three: Any, request_: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as caught:
        three.search(**{"Resource": "ExperimentTrialComponent", **request_})
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_thousand_components_are_searched_and_sorted(sagemaker: Any, records_emulator: Emulator) -> None:
    sagemaker.create_experiment(ExperimentName="exp")
    sagemaker.create_trial(TrialName="trial", ExperimentName="exp")
    for number in range(1000):
        records_emulator.records.add(
            Record(
                Key(COMPONENT, "123456789012", "us-east-1", f"part-{number}"),
                "arn",
                {
                    "TrialComponentName": f"part-{number}",
                    "Parameters": {f"p{index}": {"NumberValue": float(index)} for index in range(20)},
                },
                status={
                    "Metrics": [
                        {"MetricName": f"m{index}", "Max": float(number), "Last": 1.0, "Count": 1} for index in range(5)
                    ]
                },
                inner={"trials": ["trial"]},
                created=float(number),
            )
        )
    ask = {
        "Resource": "ExperimentTrialComponent",
        "SortBy": "Metrics.m3.Max",
        "SearchExpression": {
            "Filters": [
                {"Name": "Parents.ExperimentName", "Operator": "Equals", "Value": "exp"},
                {"Name": "Parameters.p7", "Operator": "Equals", "Value": "7"},
            ]
        },
    }
    results = sagemaker.search(**ask)["Results"]
    assert len(results) == 100
    assert results[0]["TrialComponent"]["TrialComponentName"] == "part-999"
