"""Executions of pipelines through boto3: order, references, branches, failures, retries, caching, stop, selection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud import BUCKET, ROLE, XGBOOST, Cloud, eventually

pytestmark = pytest.mark.provenance(
    "documented",
    source="developer guide: Pipelines, API reference: StartPipelineExecution and its siblings, "
    "published answers of ListPipelineExecutionSteps",
)

OUT = "/opt/ml/processing/out"


def step(cloud: Cloud, name: str, script: str, *, keep: str = "", **more: Any) -> dict[str, Any]:
    """A Processing step that runs a script; ``keep`` is where its output folder goes."""
    arguments = cloud.processing_request(script, outputs={OUT: keep} if keep else {})
    del arguments["ProcessingJobName"]
    return {"Name": name, "Type": "Processing", "Arguments": arguments, **more}


def create(cloud: Cloud, *steps: dict[str, Any], **more: Any) -> str:
    name = cloud.name("Pipeline")
    document = {"Version": "2020-12-01", "Steps": list(steps), **more}
    cloud.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(document), RoleArn=ROLE)
    return name


def start(cloud: Cloud, pipeline: str, **more: Any) -> str:
    return str(cloud.sagemaker.start_pipeline_execution(PipelineName=pipeline, **more)["PipelineExecutionArn"])


def wait(cloud: Cloud, arn: str) -> dict[str, Any]:
    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = cloud.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)
        return found if found["PipelineExecutionStatus"] not in ("Executing", "Stopping") else None

    return eventually(ended, 60)  # type: ignore[no-any-return]


def steps_of(cloud: Cloud, arn: str) -> dict[str, dict[str, Any]]:
    found = cloud.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn, SortOrder="Ascending")
    return {item["StepName"]: item for item in found["PipelineExecutionSteps"]}


def statuses(cloud: Cloud, arn: str) -> dict[str, str]:
    return {name: item["StepStatus"] for name, item in steps_of(cloud, arn).items()}


CACHED = {"Enabled": True, "ExpireAfter": "PT1H"}
WRITE = f"import json, sys; json.dump({{'auc': {{'value': 0.8}}}}, open('{OUT}/report.json', 'w')); print(sys.argv[1:])"


def test_the_classic_pipeline_and_its_cache(cloud: Cloud) -> None:
    made = step(
        cloud,
        "Make",
        WRITE,
        keep=f"s3://{BUCKET}/pipeline/made",
        CacheConfig=CACHED,
        PropertyFiles=[{"PropertyFileName": "Report", "OutputName": "out-0", "FilePath": "report.json"}],
    )
    made["Arguments"]["AppSpecification"]["ContainerArguments"] = [
        {"Get": "Parameters.Word"},
        {"Std:Join": {"On": "-", "Values": [{"Get": "Execution.PipelineName"}, {"Get": "Parameters.Count"}]}},
    ]
    source = {"Get": "Steps.Make.ProcessingOutputConfig.Outputs['out-0'].S3Output.S3Uri"}
    read = "import os; assert os.path.exists('/opt/ml/processing/in/report.json')"
    model = {
        "Name": "Model",
        "Type": "Model",
        "DependsOn": ["Use"],
        "Arguments": {"ExecutionRoleArn": ROLE, "PrimaryContainer": {"Image": XGBOOST}},
    }
    use = step(cloud, "Use", read)
    use["Arguments"]["ProcessingInputs"].append(Cloud._input("in", "", "/opt/ml/processing/in"))
    use["Arguments"]["ProcessingInputs"][-1]["S3Input"]["S3Uri"] = source
    value = {"Std:JsonGet": {"PropertyFile": {"Get": "Steps.Make.PropertyFiles.Report"}, "Path": "auc.value"}}
    condition = {"Type": "GreaterThan", "LeftValue": value, "RightValue": {"Get": "Parameters.Limit"}}
    fail = {
        "Name": "Bad",
        "Type": "Fail",
        "Arguments": {"ErrorMessage": {"Std:Join": {"On": "", "Values": ["no ", value]}}},
    }
    check = {
        "Name": "Check",
        "Type": "Condition",
        "Arguments": {"Conditions": [condition], "IfSteps": [use, model], "ElseSteps": [fail]},
    }
    pipeline = create(
        cloud,
        made,
        check,
        Parameters=[
            {"Name": "Word", "Type": "String", "DefaultValue": "w"},
            {"Name": "Count", "Type": "Integer", "DefaultValue": 2},
            {"Name": "Limit", "Type": "Float", "DefaultValue": 0.5},
        ],
        PipelineExperimentConfig={
            "ExperimentName": {"Get": "Execution.PipelineName"},
            "TrialName": {"Get": "Execution.PipelineExecutionId"},
        },
    )
    first = start(cloud, pipeline)
    ended = wait(cloud, first)
    assert ended["PipelineExecutionStatus"] == "Succeeded", steps_of(cloud, first)
    found = steps_of(cloud, first)
    assert list(found) == ["Make", "Check", "Use", "Model"]
    assert found["Check"]["Metadata"] == {"Condition": {"Outcome": "True"}}
    assert found["Model"]["Metadata"]["Model"]["Arn"].startswith(
        "arn:aws:sagemaker:us-east-1:123456789012:model/pipelines-"
    )
    job = found["Make"]["Metadata"]["ProcessingJob"]["Arn"].rpartition("/")[2]
    identifier = first.rpartition("/")[2]
    assert job.startswith(f"pipelines-{identifier}-Make-")
    assert cloud.log(job) == [str(["w", f"{pipeline}-2"])]
    described = cloud.sagemaker.describe_processing_job(ProcessingJobName=job)
    assert described["ExperimentConfig"] == {"ExperimentName": pipeline.lower(), "TrialName": identifier}
    tags = cloud.sagemaker.list_tags(ResourceArn=described["ProcessingJobArn"])["Tags"]
    assert tags == [{"Key": "sagemaker:pipeline-execution-arn", "Value": first}]

    second = start(cloud, pipeline, PipelineParameters=[{"Name": "Limit", "Value": "0.9"}])
    assert wait(cloud, second)["FailureReason"] == "Step failure: One or multiple steps failed."
    found = steps_of(cloud, second)
    assert found["Make"]["CacheHitResult"] == {"SourcePipelineExecutionArn": first}
    assert found["Bad"]["FailureReason"] == "no 0.8"
    assert "Use" not in found
    parameters = cloud.sagemaker.list_pipeline_parameters_for_execution(PipelineExecutionArn=second)
    assert {item["Name"]: item["Value"] for item in parameters["PipelineParameters"]} == {
        "Word": "w",
        "Count": "2",
        "Limit": "0.9",
    }
    with pytest.raises(cloud.sagemaker.exceptions.ConflictException, match="Fail step 'Bad'"):
        cloud.sagemaker.retry_pipeline_execution(PipelineExecutionArn=second)


def test_a_failure_stops_what_follows_and_can_be_retried_or_passed_over(cloud: Cloud) -> None:
    flag = cloud.put("pipeline/flag/go", "no")
    looking = "import sys; print('looked'); sys.exit(open('/opt/ml/processing/flag/go').read() != 'yes')"
    look = step(cloud, "Look", looking, DependsOn=["First"])
    look["Arguments"]["ProcessingInputs"].append(Cloud._input("flag", flag, "/opt/ml/processing/flag"))
    after = step(cloud, "After", "print('after')", DependsOn=["Look"])
    pipeline = create(cloud, step(cloud, "First", "print('first')"), look, after)
    arn = start(cloud, pipeline, ClientRequestToken="t" * 32)
    assert start(cloud, pipeline, ClientRequestToken="t" * 32) == arn
    assert wait(cloud, arn)["PipelineExecutionStatus"] == "Failed"
    assert statuses(cloud, arn) == {"First": "Succeeded", "Look": "Failed"}
    assert steps_of(cloud, arn)["Look"]["FailureReason"].startswith("AlgorithmError: ")

    cloud.put("pipeline/flag/go", "yes")
    cloud.sagemaker.retry_pipeline_execution(PipelineExecutionArn=arn)
    assert "FailureReason" not in wait(cloud, arn)
    found = steps_of(cloud, arn)
    assert {name: (item["StepStatus"], item["AttemptCount"]) for name, item in found.items()} == {
        "First": ("Succeeded", 1),
        "Look": ("Succeeded", 2),
        "After": ("Succeeded", 1),
    }
    selection = {"SourcePipelineExecutionArn": arn, "SelectedSteps": [{"StepName": "After"}]}
    selected = start(cloud, pipeline, SelectiveExecutionConfig=selection)
    assert wait(cloud, selected)["PipelineExecutionStatus"] == "Succeeded"
    again = steps_of(cloud, selected)
    assert again["Look"]["SelectiveExecutionResult"] == {"SourcePipelineExecutionArn": arn}
    assert again["Look"]["Metadata"] == found["Look"]["Metadata"]
    assert again["After"]["Metadata"] != found["After"]["Metadata"]


def test_a_request_that_is_refused_fails_its_step(cloud: Cloud) -> None:
    wrong = step(cloud, "Wrong", "")
    wrong["Arguments"]["AppSpecification"]["ImageUri"] = "nobody/knows:1"
    arn = start(cloud, create(cloud, wrong))
    assert wait(cloud, arn)["PipelineExecutionStatus"] == "Failed"
    reason = steps_of(cloud, arn)["Wrong"]["FailureReason"]
    assert reason.startswith("ClientError: Failed to invoke sagemaker:CreateProcessingJob. Error Details: ")
    assert "nobody/knows:1" in reason


def test_stop_and_the_limit_of_parallel_steps(cloud: Cloud) -> None:
    waiting = "import time; print('waits', flush=True); time.sleep(60)"
    pipeline = create(cloud, *(step(cloud, name, waiting) for name in ("One", "Two")))
    arn = start(cloud, pipeline, ParallelismConfiguration={"MaxParallelExecutionSteps": 1})
    eventually(lambda: statuses(cloud, arn).get("One") == "Executing")
    with pytest.raises(cloud.sagemaker.exceptions.ConflictException, match="has the running execution"):
        cloud.sagemaker.delete_pipeline(PipelineName=pipeline)
    cloud.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    assert wait(cloud, arn)["PipelineExecutionStatus"] == "Stopped"
    assert statuses(cloud, arn) == {"One": "Stopped"}
    with pytest.raises(cloud.sagemaker.exceptions.ConflictException, match="is in status Stopped"):
        cloud.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)
    cloud.sagemaker.delete_pipeline(PipelineName=pipeline)
    with pytest.raises(cloud.sagemaker.exceptions.ResourceNotFound):
        cloud.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)


def test_a_callback_waits_for_its_token(cloud: Cloud) -> None:
    queues = cloud.client("sqs")
    url = queues.create_queue(QueueName=cloud.name("queue"))["QueueUrl"]
    ask = {
        "Name": "Ask",
        "Type": "Callback",
        "SqsQueueUrl": url,
        "OutputParameters": [{"OutputName": "answer", "OutputType": "Integer"}],
        "Arguments": {"question": {"Std:Join": {"On": "", "Values": ["who ", 1]}}},
    }
    answer = {"Get": "Steps.Ask.OutputParameters['answer']"}
    condition = {"Type": "Equals", "LeftValue": answer, "RightValue": 42}
    check = {"Name": "Check", "Type": "Condition", "Arguments": {"Conditions": [condition]}}
    pipeline = create(cloud, ask, check)

    def receive(arn: str, status: str) -> str:
        [message] = eventually(lambda: queues.receive_message(QueueUrl=url, WaitTimeSeconds=1).get("Messages"))
        queues.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        body = json.loads(message["Body"])
        token = body.pop("token")
        assert body == {"pipelineExecutionArn": arn, "arguments": {"question": "who 1"}, "status": status}
        return str(token)

    arn = start(cloud, pipeline)
    token = receive(arn, "Executing")
    with pytest.raises(cloud.sagemaker.exceptions.ClientError, match="answer 'many' is no Integer"):
        cloud.sagemaker.send_pipeline_execution_step_success(
            CallbackToken=token, OutputParameters=[{"Name": "answer", "Value": "many"}]
        )
    given = [{"Name": "answer", "Value": "42"}]
    cloud.sagemaker.send_pipeline_execution_step_success(CallbackToken=token, OutputParameters=given)
    assert wait(cloud, arn)["PipelineExecutionStatus"] == "Succeeded"
    found = steps_of(cloud, arn)
    callback = {"CallbackToken": token, "SqsQueueUrl": url, "OutputParameters": given}
    assert found["Ask"]["Metadata"] == {"Callback": callback}
    assert found["Check"]["Metadata"] == {"Condition": {"Outcome": "True"}}

    stopped = start(cloud, pipeline)
    receive(stopped, "Executing")
    cloud.sagemaker.stop_pipeline_execution(PipelineExecutionArn=stopped)
    token = receive(stopped, "Stopping")
    described = cloud.sagemaker.describe_pipeline_execution(PipelineExecutionArn=stopped)
    assert described["PipelineExecutionStatus"] == "Stopping"
    cloud.sagemaker.send_pipeline_execution_step_failure(CallbackToken=token, FailureReason="gave up")
    assert wait(cloud, stopped)["PipelineExecutionStatus"] == "Stopped"
    assert steps_of(cloud, stopped)["Ask"]["FailureReason"] == "gave up"
    queues.close()
