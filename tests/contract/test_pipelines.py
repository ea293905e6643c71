"""The interpreter of pipeline definitions: expressions, conditions, parameters, caching, retries and refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.contract.pipelines.caching import cache_key, read_expiry
from harness.contract.pipelines.conditions import holds
from harness.contract.pipelines.definition import BadDefinition, parse_definition
from harness.contract.pipelines.expressions import UndefinedExpression, Values, evaluate
from harness.contract.pipelines.parameters import BadParameter, declare, resolve
from harness.contract.pipelines.retries import check_policies, pause_before_retry

pytestmark = pytest.mark.provenance(
    "documented",
    source="JSON schema of pipeline definitions (aws-sagemaker-mlops), developer guide: Pipelines, "
    "source code: aws/sagemaker-python-sdk workflow and local/pipeline.py",
)

OUTPUTS = [{"OutputName": "train", "S3Output": {"S3Uri": "s3://b/train"}}]
STEPS: dict[str, Any] = {
    "Prep": {"ProcessingOutputConfig": {"Outputs": OUTPUTS}, "Environment": {"a.b": "dotted"}, "List": [1, 2]},
    "Train": {"FinalMetricDataList": [{"MetricName": "val:acc", "Value": 0.5}]},
}
JOINED = {"Std:Join": {"On": "/", "Values": ["s3://b", "f.json"]}}
FILES = {"s3://b/f.json": b'{"m": {"auc": [{"value": 0.9}]}}', "s3://b/bad": b"no json"}
VALUES = Values(
    parameters={"Count": 3, "Rate": 0.5, "Name": "x", "On": True},
    execution={"PipelineName": "p"},
    experiment={"TrialName": "t"},
    properties=STEPS.get,
    property_file=lambda step, file: f"s3://b/{file}.json",
    read=FILES.__getitem__,
)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ({"Get": "Parameters.Count"}, 3),
        ({"Get": "Execution.PipelineName"}, "p"),
        ({"Get": "PipelineExperimentConfig.TrialName"}, "t"),
        ({"Get": "Steps.Prep.ProcessingOutputConfig.Outputs['train'].S3Output.S3Uri"}, "s3://b/train"),
        ({"Get": 'Steps.Prep.ProcessingOutputConfig.Outputs["train"].S3Output.S3Uri'}, "s3://b/train"),
        ({"Get": "Steps.Prep.Environment['a.b']"}, "dotted"),
        ({"Get": "Steps.Prep.List[1]"}, 2),
        ({"Get": "Steps.Train.FinalMetricDataList['val:acc'].Value"}, 0.5),
        ({"Std:Join": {"On": "/", "Values": ["s3:/", {"Get": "Parameters.Name"}, {"Get": "Parameters.Count"}]}}, "s3://x/3"),
        ({"Std:Join": {"On": "", "Values": [{"Std:Join": {"On": "-", "Values": ["a", "b"]}}]}}, "a-b"),
        ({"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Prep.PropertyFiles.f"}, "Path": "m.auc[0].value"}}, 0.9),
        ({"Std:JsonGet": {"S3Uri": JOINED, "Path": "$.m.auc[0]['value']"}}, 0.9),
        ({"a": [{"Get": "Parameters.On"}, 1]}, {"a": [True, 1]}),
    ],
)  # fmt: skip
def test_expressions_have_values(expression: Any, value: Any) -> None:
    assert evaluate(expression, VALUES) == value


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ({"Get": "Steps.Prep.None"}, r'{"Get": "Steps.Prep.None"} is undefined'),
        ({"Get": "Steps.Other.Anything"}, "is undefined"),
        ({"Std:JsonGet": {"S3Uri": "s3://b/f.json", "Path": "m.none"}}, "Invalid json path 'm.none'"),
        ({"Std:JsonGet": {"S3Uri": "s3://b/bad", "Path": "m"}}, "not in valid JSON format"),
    ],
)
def test_expressions_without_a_value_say_so(expression: Any, reason: str) -> None:
    with pytest.raises(UndefinedExpression, match=reason.replace("{", r"\{")):
        evaluate(expression, VALUES)


@pytest.mark.parametrize(
    ("condition", "outcome"),
    [
        ({"Type": "Equals", "LeftValue": "a", "RightValue": "a"}, True),
        ({"Type": "NotEquals", "LeftValue": "a", "RightValue": "a"}, False),
        ({"Type": "GreaterThanOrEqualTo", "LeftValue": 1, "RightValue": 1.0}, True),
        ({"Type": "LessThan", "LeftValue": {"Get": "Parameters.Rate"}, "RightValue": 0.5}, False),
        ({"Type": "In", "QueryValue": "a", "Values": ["a", "b"]}, True),
        ({"Type": "NotIn", "Value": "a", "In": ["a", "b"]}, False),
        ({"Type": "Not", "Condition": {"Type": "Equals", "LeftValue": 1, "RightValue": 2}}, True),
        ({"Type": "Or", "Conditions": [{"Type": "Equals", "LeftValue": 1, "RightValue": n} for n in (2, 1)]}, True),
    ],
)
def test_conditions(condition: dict[str, Any], outcome: bool) -> None:
    assert holds(condition, lambda value: evaluate(value, VALUES)) is outcome


@pytest.mark.provenance("assumed", source="the documents do not say how a string and a number compare")
def test_a_string_and_a_number_have_no_order() -> None:
    with pytest.raises(UndefinedExpression, match="cannot compare 'a' with 1"):
        holds({"Type": "LessThan", "LeftValue": "a", "RightValue": 1}, lambda value: value)


def test_parameters_get_types_and_defaults() -> None:
    declared = {
        item["Name"]: declare(item)
        for item in (
            {"Name": "n", "Type": "Integer", "DefaultValue": 1},
            {"Name": "f", "Type": "Float", "DefaultValue": 1},
            {"Name": "b", "Type": "Boolean"},
            {"Name": "s", "Type": "String", "DefaultValue": "x", "EnumValues": ["x", "y"]},
        )
    }
    given = [{"Name": "n", "Value": "5"}, {"Name": "b", "Value": "True"}, {"Name": "s", "Value": "y"}]
    assert resolve(declared, given) == {"n": 5, "f": 1, "b": True, "s": "y"}
    for more, reason in (
        ([], "'b' is undefined"),
        ([*given, {"Name": "z", "Value": "1"}], "Unknown parameter 'z'"),
        ([*given[1:], {"Name": "n", "Value": "5.5"}], "Unexpected type for parameter 'n'"),
        ([*given[:2], {"Name": "s", "Value": "z"}], "none of its EnumValues"),
    ):
        with pytest.raises(BadParameter, match=reason):
            resolve(declared, more)


def processing(name: str, **more: Any) -> dict[str, Any]:
    return {"Name": name, "Type": "Processing", "Arguments": {"ProcessingOutputConfig": {"Outputs": OUTPUTS}}, **more}


def define(*steps: Any, **more: Any) -> str:
    return json.dumps({"Version": "2020-12-01", "Steps": list(steps), **more})


def test_steps_depend_on_names_and_references_and_belong_to_branches() -> None:
    condition = {"Type": "Equals", "LeftValue": {"Get": "Steps.a.ExitMessage"}, "RightValue": 1}
    check = {
        "Name": "check",
        "Type": "Condition",
        "Arguments": {"Conditions": [condition], "IfSteps": [processing("c", DependsOn=["b"])], "ElseSteps": []},
    }
    steps = parse_definition(define(processing("a"), processing("b"), check)).steps
    assert list(steps) == ["a", "b", "check", "c"]
    assert steps["check"].needs == {"a"}
    assert steps["c"].needs == {"b", "check"}
    assert steps["c"].branch == ("check", True)


NO_FILE = {"Get": "Steps.a.PropertyFiles.f"}
LIKE = {"Conditions": [{"Type": "Like"}]}
NUMBER = {"Name": "p", "Type": "Integer"}
FILE = {"PropertyFileName": "f", "OutputName": "train", "FilePath": "f.json"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("no", "not valid JSON"),
        ("[]", "list of Steps"),
        (define(), "no steps"),
        (define("x"), "malformed"),
        ("[" * 200_000, "not valid JSON"),
        (define(processing("a"), Version="2021"), "Version '2021'"),
        (define(processing("a b")), "Step name 'a b'"),
        (define(processing("a"), processing("a")), "must be unique"),
        (define({"Name": "a", "Type": "EMR", "Arguments": {}}), "the step type 'EMR' is not supported by harness"),
        (define({"Name": "a", "Type": "NotebookJob"}), "'NotebookJob' is not supported"),
        (define(processing("a", DependsOn=["b"])), "the step 'b', which the pipeline does not have"),
        (define(processing("a", DependsOn=["b"]), processing("b", DependsOn=["a"])), "in a cycle"),
        (define(processing("a", DependsOn=[{"Name": "b"}])), "run conditions"),
        (define(processing("a", Strange=1)), "Strange of a Processing step"),
        (define(processing("a", Arguments={"x": {"Get": "Parameters.p"}})), "the parameter 'p'"),
        (define(processing("a", Arguments={"x": {"Get": "Execution.p"}})), "execution variable 'p'"),
        (define(processing("a", Arguments={"x": {"Get": "Nothing.p"}})), "refers to nothing known"),
        (define(processing("a", Arguments={"x": {"Get": 5}})), "Get needs a string"),
        (define(processing("a", Arguments={"x": {"Std:Sum": [1]}})), "the function Std:Sum"),
        (define(processing("a", Arguments={"x": {"Std:Join": {"On": "-"}}})), "needs a list of Values"),
        (define(processing("a", PropertyFiles=[{**FILE, "OutputName": "none"}])), "no output is named 'none'"),
        (define(processing("a"), processing("b", Arguments={"x": NO_FILE})), "no such property file"),
        (define(processing("a", CacheConfig={"Enabled": True, "ExpireAfter": "soon"})), "ExpireAfter 'soon'"),
        (define(processing("a", RetryPolicies=[{"ExceptionType": ["Other"]}])), "ExceptionType 'Other'"),
        (define({"Name": "a", "Type": "Condition", "Arguments": LIKE}), "condition type 'Like'"),
        (define({"Name": "a", "Type": "Fail", "Arguments": {}}), "needs the argument ErrorMessage"),
        (define(processing("a"), Parameters=[{"Name": "p", "Type": "Date"}]), "Type 'Date' is none of"),
        (define(processing("a"), Parameters=[{**NUMBER, "DefaultValue": "1"}]), "not of type Integer"),
    ],
)  # fmt: skip
def test_what_cannot_be_run_is_refused(text: str, reason: str) -> None:
    with pytest.raises(BadDefinition, match=reason):
        parse_definition(text)


def test_cache_keys_ignore_outputs_and_roles() -> None:
    arguments = {"AppSpecification": {"ImageUri": "i"}, "ProcessingInputs": [1], "RoleArn": "r"}
    assert cache_key("Processing", arguments) == cache_key("Processing", {**arguments, "RoleArn": "s"})
    assert cache_key("Processing", arguments) != cache_key("Processing", {**arguments, "ProcessingInputs": [2]})
    assert cache_key("Model", arguments) == ""


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("PT1H", 3600),
        ("P30D", 2592000),
        ("P1DT2H30M", 95400),
        ("30d", 2592000),
        ("T16m", 960),
        ("P", None),
        ("1x", None),
    ],
)
def test_durations(text: str, seconds: float | None) -> None:
    assert read_expiry(text) == seconds


def test_retries_back_off_and_end() -> None:
    policy = {"ExceptionType": ["Step.THROTTLING"], "IntervalSeconds": 2, "BackoffRate": 3.0, "MaxAttempts": 2}
    assert [pause_before_retry([policy], "Step.THROTTLING", n, 0) for n in (1, 2, 3)] == [2, 6, None]
    assert pause_before_retry([policy], "SageMaker.RESOURCE_LIMIT", 1, 0) is None
    expiring = {"ExceptionType": "Step.THROTTLING", "ExpireAfterMin": 1, "BackoffRate": 1}
    assert pause_before_retry([expiring], "Step.THROTTLING", 30, 58.0) == 1
    assert pause_before_retry([expiring], "Step.THROTTLING", 30, 59.5) is None
    assert "MaxAttempts 21" in check_policies([{**policy, "MaxAttempts": 21}])
    assert "not both" in check_policies([{**policy, "ExpireAfterMin": 1}])
