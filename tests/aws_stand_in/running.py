"""The stand-in and its engine as processes, and a user's project in the world where AWS's hosts are theirs."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from harness.clients.emulator_process import RunningEmulator, find, package_parent, stop
from tests.aws_stand_in.configuration import ACCOUNT, KEY, REGION, ROLE, SECRET, ordinary
from tests.projects import Project

WORLD = Path(__file__).parent / "world"
PROFILE = f'[profiles.aws]\naccount_id = "{ACCOUNT}"\nregion = "{REGION}"\nrole = "{ROLE}"\naws_profile = "work"\n'


class StandIn:
    """``engine`` is the address of the emulator behind it, where a test sees what is really there."""

    def __init__(self, told: dict[str, Any], emulator: RunningEmulator) -> None:
        self.port: int = told["port"]
        self.control: str = told["control"]
        self.authority: str = told["authority"]
        self.engine = emulator.address
        self._emulator = emulator

    def begin(self, **changed: Any) -> None:
        """An empty account, ordinary but for what is changed."""
        self._emulator.ask("/_harness/reset", "POST", timeout=60)
        _post(f"{self.control}/__stand_in/configure", ordinary(**changed))

    def requests(self) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.control}/__stand_in/requests", timeout=30) as answer:
            found: list[dict[str, Any]] = json.load(answer)
            return found

    def problems(self) -> list[str]:
        """Requests that botocore's models do not allow, or that were for no host of AWS."""
        broken = [each for each in self.requests() if each["problems"]]
        return [f"{each['host']} {each['method']} {each['operation']}: {each['problems']}" for each in broken]

    def really(self, service: str) -> Any:
        """A client of the engine."""
        return boto3.client(
            service,
            endpoint_url=self.engine,
            region_name=REGION,
            aws_access_key_id=ACCOUNT,
            aws_secret_access_key="secret",
            config=Config(retries={"total_max_attempts": 1}),
        )

    def environment(self, hurry: float = 1.0) -> dict[str, str]:
        """Of programs in the world where AWS's hosts are the stand-in's."""
        return {
            "PYTHONPATH": os.pathsep.join([str(WORLD), package_parent()]),
            "AWS_STAND_IN_PORT": str(self.port),
            "AWS_STAND_IN_CONTROL": self.control,
            "AWS_STAND_IN_HURRY": str(hurry),
            "AWS_CA_BUNDLE": self.authority,
            "AWS_EC2_METADATA_DISABLED": "true",
        }


class AwsProject(Project):
    """A user whose AWS configuration has a profile ``work``, with keys."""

    def __init__(self, folder: Path, stand_in: StandIn, hurry: float = 10.0) -> None:
        super().__init__(folder)
        self.stand_in = stand_in
        self.environment |= stand_in.environment(hurry)
        self.credentials(KEY, SECRET)
        self.configure(PROFILE)

    def credentials(self, key: str, secret: str, token: str = "") -> None:
        lines = [f"aws_access_key_id = {key}", f"aws_secret_access_key = {secret}"]
        lines += [f"aws_session_token = {token}"] if token else []
        folder = self.folder / ".aws"
        folder.mkdir(exist_ok=True)
        (folder / "config").write_text("[profile work]\nregion = eu-west-1\n")
        (folder / "credentials").write_text("\n".join(["[work]", *lines, ""]))

    def play(self, *arguments: str, timeout: float = 100) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.argv(*arguments),
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def left(self) -> list[str]:
        """What is really in the account and costs money or could be deleted."""
        sagemaker, s3 = self.stand_in.really("sagemaker"), self.stand_in.really("s3")
        jobs = [
            *sagemaker.list_training_jobs(StatusEquals="InProgress")["TrainingJobSummaries"],
            *sagemaker.list_processing_jobs(StatusEquals="InProgress")["ProcessingJobSummaries"],
            *sagemaker.list_transform_jobs(StatusEquals="InProgress")["TransformJobSummaries"],
        ]
        return [
            *(f"endpoint {each['EndpointName']}" for each in sagemaker.list_endpoints()["Endpoints"]),
            *(f"config {each['EndpointConfigName']}" for each in sagemaker.list_endpoint_configs()["EndpointConfigs"]),
            *(f"model {each['ModelName']}" for each in sagemaker.list_models()["Models"]),
            *(f"schedule {each}" for each in sagemaker.list_monitoring_schedules()["MonitoringScheduleSummaries"]),
            *(f"trial {each['TrialName']}" for each in sagemaker.list_trials()["TrialSummaries"]),
            *(f"job {each}" for each in jobs),
            *(
                f"object {bucket['Name']}/{found['Key']}"
                for bucket in s3.list_buckets()["Buckets"]
                for found in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
            ),
        ]


@contextlib.contextmanager
def running_stand_in(folder: Path) -> Iterator[StandIn]:
    state = folder / ".harness"
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "HARNESS_"))}
    # AWS answers a Describe at once; the engine would hold it, as all that the stand-in asks comes from one client.
    environment |= {"PYTHONPATH": package_parent(), "HARNESS_GRACE": "1", "HARNESS_DESCRIBE_HOLD": "0"}
    started = [sys.executable, "-m", "harness.cli", "start", "--port", "0", "--state", str(state)]
    subprocess.run(started, env=environment, check=True, capture_output=True, timeout=90)
    emulator = find(state)
    assert emulator is not None
    argv = [sys.executable, "-m", "tests.aws_stand_in", "--engine", emulator.address]
    argv += ["--token-file", str(emulator.token_file), "--folder", str(folder)]
    process = subprocess.Popen(argv, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield StandIn(json.loads(process.stdout.readline()), emulator)
    finally:
        process.stdin.close()
        process.wait(timeout=20)
        process.stdout.close()
        stop(emulator)


def _post(address: str, document: Any = None) -> None:
    body = json.dumps(document).encode() if document is not None else b""
    request = urllib.request.Request(address, data=body, headers={"Content-Type": "application/json"}, method="POST")
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()
