"""``Cloud``: a running emulator as its users meet it, with a short way to run one job and see what came of it."""

from __future__ import annotations

import contextlib
import itertools
import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

ROLE = "arn:aws:iam::123456789012:role/Role"
REGISTRY = "683313688378.dkr.ecr.us-east-1.amazonaws.com"
XGBOOST = f"{REGISTRY}/sagemaker-xgboost:3.0-5"
SKLEARN = f"{REGISTRY}/sagemaker-scikit-learn:1.4-2-cpu-py3"
ANALYZER = "156813124566.dkr.ecr.us-east-1.amazonaws.com/sagemaker-model-monitor-analyzer"
CODE = "/opt/ml/processing/input/code"
_STAND_IN = re.compile(r".* on Python \S+ stands in for .*: no Python \S+ is installed")
BUCKET = "the-bucket"


def eventually(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The first true answer; polls, with a deadline."""
    until = time.monotonic() + seconds
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < until, "it did not happen in time"
        threading.Event().wait(0.02)


class Cloud:
    def __init__(self, address: str, state: Path) -> None:
        self.address = address
        self.state = state
        self._numbers = itertools.count(1)
        self.s3 = self.client("s3")
        self.sagemaker = self.client("sagemaker")
        self.logs = self.client("logs")
        self.cloudwatch = self.client("cloudwatch")

    def client(self, service: str, **config: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.address,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(read_timeout=70, retries={"total_max_attempts": 1}, max_pool_connections=20, **config),
        )

    def close(self) -> None:
        for client in (self.s3, self.sagemaker, self.logs, self.cloudwatch):
            client.close()

    def name(self, what: str = "job") -> str:
        """Padded, so that the order of names is the order in which they were given."""
        return f"{what}-{next(self._numbers):05d}"

    def put(self, key: str, data: bytes | str) -> str:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=data.encode() if isinstance(data, str) else data)
        return f"s3://{BUCKET}/{key}"

    def get(self, key: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=BUCKET, Key=key.removeprefix(f"s3://{BUCKET}/"))["Body"].read()
        return body

    def keys(self, prefix: str) -> list[str]:
        """Below the prefix, without it."""
        found = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return [item["Key"][len(prefix) :] for item in found]

    # Processing.

    def processing_request(self, script: str = "", **more: Any) -> dict[str, Any]:
        """A request that runs ``script``; ``inputs`` and ``outputs`` by container path, further members as they are."""
        name = more.pop("name", None) or self.name("processing")
        inputs = [self._input(f"in-{i}", uri, path) for i, (path, uri) in enumerate(more.pop("inputs", {}).items())]
        if script:
            inputs.append(self._input("code", self.put(f"{name}/code/script.py", script), CODE))
        outputs = [
            {"OutputName": f"out-{i}", "S3Output": {"S3Uri": uri, "LocalPath": path, "S3UploadMode": "EndOfJob"}}
            for i, (path, uri) in enumerate(more.pop("outputs", {}).items())
        ]
        application = {"ImageUri": more.pop("image", SKLEARN), "ContainerEntrypoint": ["python3", f"{CODE}/script.py"]}
        if "entrypoint" in more:
            application["ContainerEntrypoint"] = more.pop("entrypoint")
        if "arguments" in more:
            application["ContainerArguments"] = more.pop("arguments")
        return {
            "ProcessingJobName": name,
            "AppSpecification": application,
            "RoleArn": ROLE,
            "ProcessingInputs": [*inputs, *more.pop("raw_inputs", [])],
            "ProcessingOutputConfig": {"Outputs": [*outputs, *more.pop("raw_outputs", [])]},
            "ProcessingResources": {
                "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
            },
            **more,
        }

    @staticmethod
    def _input(name: str, uri: str, path: str) -> dict[str, Any]:
        return {
            "InputName": name,
            "S3Input": {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File"},
        }

    def start_processing(self, script: str = "", **more: Any) -> str:
        request = self.processing_request(script, **more)
        self.sagemaker.create_processing_job(**request)
        return str(request["ProcessingJobName"])

    def process(self, script: str = "", **more: Any) -> dict[str, Any]:
        return self.processed(self.start_processing(script, **more))

    def processed(self, name: str) -> dict[str, Any]:
        """The Describe answer once the job has ended."""

        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_processing_job(ProcessingJobName=name)
            return found if found["ProcessingJobStatus"] not in ("InProgress", "Stopping") else None

        return eventually(ended, 50)  # type: ignore[no-any-return]

    # Training.

    def training_request(self, channels: dict[str, str] | None = None, script: str = "", **more: Any) -> dict[str, Any]:
        """``channels`` are S3 URIs of text/csv; with ``script`` a job that runs it instead of the image's program."""
        name = more.pop("name", None) or self.name("training")
        algorithm = {"TrainingImage": more.pop("image", XGBOOST), "TrainingInputMode": "File"}
        listed = [self._channel(channel, uri, "text/csv") for channel, uri in (channels or {}).items()]
        if script:
            algorithm["TrainingImage"] = SKLEARN
            algorithm["ContainerEntrypoint"] = ["python3", "/opt/ml/input/data/code/script.py"]
            listed.append(self._channel("code", self.put(f"{name}/code/script.py", script), "text/x-python"))
        return {
            "TrainingJobName": name,
            "AlgorithmSpecification": {**algorithm, **more.pop("algorithm", {})},
            "RoleArn": ROLE,
            **({"InputDataConfig": listed} if listed else {}),
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/{name}", **more.pop("output", {})},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": more.pop("limit", 60)},
            **more,
        }

    @staticmethod
    def _channel(name: str, uri: str, kind: str) -> dict[str, Any]:
        source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        return {"ChannelName": name, "ContentType": kind, "DataSource": {"S3DataSource": source}}

    def start_training(self, channels: dict[str, str] | None = None, script: str = "", **more: Any) -> str:
        request = self.training_request(channels, script, **more)
        self.sagemaker.create_training_job(**request)
        return str(request["TrainingJobName"])

    def train(self, channels: dict[str, str] | None = None, script: str = "", **more: Any) -> dict[str, Any]:
        return self.trained(self.start_training(channels, script, **more))

    def trained(self, name: str) -> dict[str, Any]:
        def ended() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
            return found if found["TrainingJobStatus"] not in ("InProgress", "Stopping") else None

        return eventually(ended, 50)  # type: ignore[no-any-return]

    # Logs.

    def log(self, name: str, kind: str = "ProcessingJobs", notice: bool = False) -> list[str]:
        """A job's lines. Which Python stands in for the image's own depends on the machine, and is said on request."""
        group = f"/aws/sagemaker/{kind}"
        with contextlib.suppress(self.logs.exceptions.ResourceNotFoundException):
            streams = self.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
            return [
                event["message"]
                for stream in streams
                for event in self.logs.get_log_events(
                    logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True
                )["events"]
                if notice or not _STAND_IN.fullmatch(event["message"])
            ]
        return []

    def says(self, name: str, line: str, kind: str = "ProcessingJobs") -> None:
        """Wait until the job's log has the line."""
        eventually(lambda: line in self.log(name, kind))

    def says_like(self, name: str, pattern: str, kind: str = "ProcessingJobs") -> None:
        eventually(lambda: any(re.search(pattern, line) for line in self.log(name, kind)))

    def json(self, key: str) -> Any:
        return json.loads(self.get(key))


@contextlib.contextmanager
def running_cloud(state: Path, **settings: Any) -> Iterator[Cloud]:
    from harness.emulator import Emulator
    from harness.settings import Settings

    with Emulator(Settings(state=state, port=0, grace=2.0, **settings)) as emulator:
        cloud = Cloud(emulator.address, emulator.state)
        cloud.s3.create_bucket(Bucket=BUCKET)
        try:
            yield cloud
        finally:
            cloud.close()
