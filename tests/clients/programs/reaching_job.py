"""A user's program on plain boto3: a processing job that looks for the world. Prints JSON."""

import json

import boto3

SCRIPT = """
import os, socket, sys, urllib.request
for host in ("example.com", "8.8.8.8"):
    try:
        socket.create_connection((host, 443), timeout=5)
        print(host, "reached")
    except OSError:
        print(host, "refused")
    try:
        urllib.request.urlopen("https://" + host + "/", timeout=5)
        print(host, "reached")
    except OSError:
        pass
import boto3
print(boto3.client("s3").list_buckets()["Buckets"][0]["Name"], "reached")
"""
sagemaker, s3, logs = (boto3.client(name) for name in ("sagemaker", "s3", "logs"))
s3.create_bucket(Bucket="objects")
s3.put_object(Bucket="objects", Key="code/reach.py", Body=SCRIPT.encode())
where = {"LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix", "S3InputMode": "File"}
sagemaker.create_processing_job(
    ProcessingJobName="reach",
    RoleArn="arn:aws:iam::123456789012:role/Anyone",
    AppSpecification={
        "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/reach.py"],
    },
    ProcessingInputs=[{"InputName": "code", "S3Input": {"S3Uri": "s3://objects/code", **where}}],
    ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
)
sagemaker.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName="reach")
group = "/aws/sagemaker/ProcessingJobs"
events = logs.filter_log_events(logGroupName=group, logStreamNamePrefix="reach/")["events"]
lines = [event["message"] for event in events]
job = sagemaker.describe_processing_job(ProcessingJobName="reach")
print()
print(json.dumps({"status": job["ProcessingJobStatus"], "lines": lines}))
