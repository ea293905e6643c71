"""What goes wrong on a bad day: a throttled create, a lost spot instance, a slow S3. The code under test copes."""

import textwrap

from botocore.config import Config
from botocore.exceptions import ClientError

from harness.asserts import Expectations

TITLE = "Faults: throttling, a lost spot instance, a slow S3"
SDK = "v2"
TAGS = ("faults", "spot")
PARITY = "local-only: AWS cannot be made to fail on purpose"

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
PROGRAM = """
    import pathlib, time

    kept = pathlib.Path("/opt/ml/checkpoints/epoch")
    first = int(kept.read_text()) + 1 if kept.exists() else 0
    for epoch in range(first, 12):
        time.sleep(0.25)
        fresh = kept.with_suffix(".new")
        fresh.write_text(str(epoch))
        fresh.replace(kept)
        print("epoch", epoch, flush=True)
    pathlib.Path("/opt/ml/model/model.txt").write_text(f"began at {first}")
"""


def run(session):
    expect = Expectations(session)
    s3, sagemaker = session.client("s3"), session.client("sagemaker")
    job, place = f"faults-{session.run_id}", f"s3://{session.bucket}/faults-{session.run_id}"

    with session.step("Upload through an S3 that asks to slow down"):
        if session.bucket not in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]:
            s3.create_bucket(Bucket=session.bucket)
        session.faults.s3_slow_down(times=2, operation="PutObject")
        answer = s3.put_object(
            Bucket=session.bucket,
            Key=f"faults-{session.run_id}/code/program.py",
            Body=textwrap.dedent(PROGRAM).encode(),
        )
        expect.equal(answer["ResponseMetadata"]["RetryAttempts"], 2, "the upload was tried again twice")

    with session.step("Create the job although its creation is throttled"):
        impatient = session.boto3.client("sagemaker", config=Config(retries={"total_max_attempts": 1}))
        session.faults.throttle("CreateTrainingJob")
        request = spot_training(session, job, place)
        try:
            impatient.create_training_job(**request)
        except ClientError as error:
            expect.equal(error.response["Error"]["Code"], "ThrottlingException", "a client without retries is told")
        session.faults.throttle("CreateTrainingJob")
        sagemaker.create_training_job(**request)

    with session.step("Lose the spot instance in the middle of training"):
        expect.eventually(
            lambda: s3.list_objects_v2(**below(place, "checkpoints")).get("Contents"), "a checkpoint is kept"
        )
        session.faults.interrupt(job)
        sagemaker.get_waiter("training_job_completed_or_stopped").wait(TrainingJobName=job)
        done = expect.completed("TrainingJob", job)
        went = [item["Status"] for item in done["SecondaryStatusTransitions"]]
        expect.equal(went.count("Interrupted"), 1, "it was interrupted once")
        members = expect.archive(done["ModelArtifacts"]["S3ModelArtifacts"], {"model.txt"})
        expect.that(members["model.txt"] != b"began at 0", "training went on from its checkpoint")

    expect.equal(session.faults.list(), [], "no fault is left")


def below(place, name):
    bucket, _, key = place.removeprefix("s3://").partition("/")
    return {"Bucket": bucket, "Prefix": f"{key}/{name}/"}


def spot_training(session, job, place):
    source = {"S3DataType": "S3Prefix", "S3Uri": f"{place}/code/"}
    return {
        "TrainingJobName": job,
        "RoleArn": session.role,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/program.py"],
        },
        "InputDataConfig": [{"ChannelName": "code", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": f"{place}/output"},
        "CheckpointConfig": {"S3Uri": f"{place}/checkpoints"},
        "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 300, "MaxWaitTimeInSeconds": 600},
        "EnableManagedSpotTraining": True,
    }
