"""A user's program on plain boto3: waits by botocore's own waiters for jobs and an endpoint. Prints JSON."""

import json
import time
from pathlib import Path

import boto3

HERE = Path(__file__).parent
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/Anyone"
ONE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
sagemaker, s3 = boto3.client("sagemaker"), boto3.client("s3")
waited = {}


def wait(waiter, ended, **name):
    """How long after the end it returned; ``ended`` is the member of the description that says when that was."""
    sagemaker.get_waiter(waiter).wait(**name)
    now = time.time()
    describe = waiter.replace("_completed_or_stopped", "").replace("_in_service", "")
    waited[waiter] = now - getattr(sagemaker, f"describe_{describe}")(**name)[ended].timestamp()


def source(uri):
    return {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri}}


s3.create_bucket(Bucket="waiting")
s3.upload_file(str(HERE / "ticks.py"), "waiting", "code/ticks.py")
rows = [f"{i % 2},{i % 2 + i % 7 / 10},{i % 5}" for i in range(400)]
s3.put_object(Bucket="waiting", Key="train/train.csv", Body="\n".join(rows).encode())
s3.put_object(Bucket="waiting", Key="features/features.csv", Body="\n".join(row[2:] for row in rows).encode())

sagemaker.create_processing_job(
    ProcessingJobName="ticks",
    RoleArn=ROLE,
    AppSpecification={
        "ImageUri": f"{REGISTRY}/sagemaker-scikit-learn:1.4-2-cpu-py3",
        "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/ticks.py", "2"],
    },
    ProcessingInputs=[
        {
            "InputName": "code",
            "S3Input": {
                "S3Uri": "s3://waiting/code",
                "LocalPath": "/opt/ml/processing/code",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }
    ],
    ProcessingResources={"ClusterConfig": ONE},
)
wait("processing_job_completed_or_stopped", "ProcessingEndTime", ProcessingJobName="ticks")

sagemaker.create_training_job(
    TrainingJobName="model",
    RoleArn=ROLE,
    AlgorithmSpecification={"TrainingImage": f"{REGISTRY}/sagemaker-xgboost:3.0-5", "TrainingInputMode": "File"},
    HyperParameters={"num_round": "5", "objective": "binary:logistic"},
    InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": source("s3://waiting/train/")}],
    OutputDataConfig={"S3OutputPath": "s3://waiting/models"},
    ResourceConfig=ONE,
    StoppingCondition={"MaxRuntimeInSeconds": 60},
)
wait("training_job_completed_or_stopped", "TrainingEndTime", TrainingJobName="model")
trained = sagemaker.describe_training_job(TrainingJobName="model")

sagemaker.create_model(
    ModelName="model",
    ExecutionRoleArn=ROLE,
    PrimaryContainer={
        "Image": trained["AlgorithmSpecification"]["TrainingImage"],
        "ModelDataUrl": trained["ModelArtifacts"]["S3ModelArtifacts"],
    },
)
sagemaker.create_transform_job(
    TransformJobName="batch",
    ModelName="model",
    TransformInput={
        "DataSource": source("s3://waiting/features/"),
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    TransformOutput={"S3OutputPath": "s3://waiting/batch", "AssembleWith": "Line"},
    TransformResources={"InstanceCount": 1, "InstanceType": "ml.m5.large"},
)
wait("transform_job_completed_or_stopped", "TransformEndTime", TransformJobName="batch")
batch = s3.get_object(Bucket="waiting", Key="batch/features.csv.out")["Body"].read().split()

variant = {
    "VariantName": "AllTraffic",
    "ModelName": "model",
    "InitialInstanceCount": 1,
    "InstanceType": "ml.m5.large",
}
sagemaker.create_endpoint_config(EndpointConfigName="config", ProductionVariants=[variant])
sagemaker.create_endpoint(EndpointName="endpoint", EndpointConfigName="config")
wait("endpoint_in_service", "LastModifiedTime", EndpointName="endpoint")
runtime = boto3.client("sagemaker-runtime")
answer = runtime.invoke_endpoint(EndpointName="endpoint", ContentType="text/csv", Body="0.1,1\n1.4,2")
text = answer["Body"].read().decode()
sagemaker.delete_endpoint(EndpointName="endpoint")
started = time.time()
sagemaker.get_waiter("endpoint_deleted").wait(EndpointName="endpoint")
deleted = time.time() - started

logs = boto3.client("logs")
streams = logs.describe_log_streams(logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNamePrefix="ticks/")
pages = logs.get_paginator("filter_log_events").paginate(
    logGroupName="/aws/sagemaker/ProcessingJobs", logStreamNames=[streams["logStreams"][0]["logStreamName"]]
)
ticks = sum("tick" in event["message"] for page in pages for event in page["events"])

print()
print(
    json.dumps(
        {
            "shim": "harness-shim" in sagemaker._client_config.user_agent,
            "boto3": boto3.__version__,
            "waited": waited,
            "deleted": deleted,
            "rows": len(batch),
            "answer": [round(float(value)) for value in text.replace(",", "\n").split()],
            "variant": answer["InvokedProductionVariant"],
            "ticks": ticks,
        }
    )
)
