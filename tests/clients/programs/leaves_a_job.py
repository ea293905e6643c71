"""A user's program on plain boto3: starts a job that takes long, says when it talks, and waits."""

import time

import boto3

SCRIPT = "import time\nprint('up', flush=True)\ntime.sleep(600)\n"
sagemaker, s3, logs = (boto3.client(name) for name in ("sagemaker", "s3", "logs"))
s3.create_bucket(Bucket="objects")
s3.put_object(Bucket="objects", Key="code/long.py", Body=SCRIPT.encode())
where = {"LocalPath": "/opt/ml/processing/code", "S3DataType": "S3Prefix", "S3InputMode": "File"}
sagemaker.create_processing_job(
    ProcessingJobName="long",
    RoleArn="arn:aws:iam::123456789012:role/Anyone",
    AppSpecification={
        "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3",
        "ContainerEntrypoint": ["python3", "/opt/ml/processing/code/long.py"],
    },
    ProcessingInputs=[{"InputName": "code", "S3Input": {"S3Uri": "s3://objects/code", **where}}],
    ProcessingResources={"ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}},
)
events = []
while not events:
    time.sleep(0.05)
    group = "/aws/sagemaker/ProcessingJobs"
    events = [item for item in logs.filter_log_events(logGroupName=group)["events"] if item["message"] == "up"]
print("running", flush=True)
sagemaker.get_waiter("processing_job_completed_or_stopped").wait(ProcessingJobName="long")
