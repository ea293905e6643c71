"""Training jobs in containers: a user's own image, as the service would start it."""

from __future__ import annotations

import io
import json
import os
import tarfile
import time
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.cloud import BUCKET, Cloud
from tests.runners.docker.conftest import LOCAL, OWN

pytestmark = pytest.mark.needs("docker")


def log(cloud: Cloud, job: dict[str, Any]) -> list[str]:
    return cloud.log(job["TrainingJobName"], "TrainingJobs")


def artefact(cloud: Cloud, job: dict[str, Any]) -> dict[str, bytes]:
    packed = cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"])
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        return {member.name: stream.read() for member in tar if (stream := tar.extractfile(member)) is not None}


def train(cloud: Cloud, channels: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    given = {"HyperParameters": {name: str(value) for name, value in more.pop("told", {}).items()}}
    return cloud.train(channels, image=more.pop("image", OWN), **given, **more)


def test_a_job_of_a_users_own_image(contained: Cloud) -> None:
    data = contained.put("own/data.csv", "1,2\n3,4\n")
    ended = train(contained, {"train": data}, told={"show": "AWS_REGION TRAINING_JOB_NAME HOSTNAME"})
    assert ended["TrainingJobStatus"] == "Completed", ended
    name = ended["TrainingJobName"]
    assert log(contained, ended) == [
        f"[harness] {LOCAL} stands for {OWN}",
        "argv []",
        "train: 2 lines",
        *["code", "input", "model", "output"],
        "AWS_REGION=us-east-1",
        f"TRAINING_JOB_NAME={name}",
        "HOSTNAME=algo-1",
    ]
    made = artefact(contained, ended)
    assert json.loads(made["model.json"])["show"].startswith("AWS_REGION")
    assert made["closed/mine"] == b"mine"


def test_an_image_with_a_user_of_its_own_reads_and_writes(contained: Cloud, docker_client: Any) -> None:
    own = "harness-tests/with-a-user"
    made = docker_client.create_container(LOCAL)["Id"]
    docker_client.commit(made, own, "1", changes=["USER 1000:1000"])
    docker_client.remove_container(made, force=True)
    data = contained.put("own/data.csv", "1,2\n3,4\n")
    mask = os.umask(0o077)  # as the emulator's process has it
    try:
        ended = train(contained, {"train": data}, image=f"{own}:1")
        assert ended["TrainingJobStatus"] == "Completed", ended.get("FailureReason")
        assert "train: 2 lines" in log(contained, ended)
        assert artefact(contained, ended)["closed/mine"] == b"mine"
    finally:
        os.umask(mask)
        docker_client.remove_image(f"{own}:1", force=True)


@pytest.mark.parametrize(
    ("algorithm", "argv"),
    [
        ({"ContainerArguments": ["train", "--fast"]}, '["--fast"]'),
        ({"ContainerEntrypoint": ["train"]}, "[]"),
        ({"ContainerEntrypoint": ["python3", "/usr/local/bin/train"], "ContainerArguments": ["a b"]}, '["a b"]'),
    ],
)
def test_overrides_of_entrypoint_and_arguments(contained: Cloud, algorithm: dict[str, Any], argv: str) -> None:
    ended = train(contained, algorithm=algorithm)
    assert ended["TrainingJobStatus"] == "Completed", ended
    assert f"argv {argv}" in log(contained, ended)


def test_an_exit_code_and_what_the_program_says_of_it(contained: Cloud) -> None:
    ended = train(contained, told={"fail": "the data is bad", "code": 7})
    assert ended["TrainingJobStatus"] == "Failed"
    assert ended["FailureReason"] == "AlgorithmError: the data is bad, exit code: 7"


def test_a_job_reaches_the_emulator_and_nothing_else(contained: Cloud) -> None:
    ended = train(contained, told={"show": "AWS_ENDPOINT_URL", "reach": "8.8.8.8:53 pypi.org:443"})
    lines = log(contained, ended)
    address = next(line for line in lines if line.startswith("AWS_ENDPOINT_URL=")).partition("=")[2]
    assert "8.8.8.8:53 reached" not in lines
    assert "pypi.org:443 gaierror" in lines
    place = urlsplit(address).netloc
    ended = train(contained, told={"reach": f"{place} algo-1:1"})
    assert f"{place} reached" in log(contained, ended)
    assert "algo-1:1 ConnectionRefusedError" in log(contained, ended)
    ended = train(contained, told={"reach": place}, EnableNetworkIsolation=True)
    assert f"{place} reached" not in log(contained, ended)


def test_a_name_that_cannot_be_reached_is_not_waited_for(contained: Cloud) -> None:
    begun = time.monotonic()
    ended = train(contained, told={"reach": "a.example:1 b.example:1 c.example:1"})
    assert log(contained, ended)[-3:] == ["a.example:1 gaierror", "b.example:1 gaierror", "c.example:1 gaierror"]
    assert time.monotonic() - begun < 8


def test_a_job_calls_the_services_of_the_emulator(contained: Cloud) -> None:
    source = (
        "import os, urllib.request\n"
        f"url = os.environ['AWS_ENDPOINT_URL'] + '/{BUCKET}/from-inside'\n"
        "import hashlib\n"
        "import urllib.error\n"
        "try: urllib.request.urlopen(os.environ['AWS_ENDPOINT_URL'] + '/_harness/health')\n"
        "except urllib.error.HTTPError as refusal: print(refusal.code)\n"
    )
    code = contained.put("code/script.py", source)
    entry = ["python3", "/opt/ml/input/data/code/script.py"]
    ended = train(contained, {"code": code}, algorithm={"ContainerEntrypoint": entry})
    assert ended["TrainingJobStatus"] == "Completed", log(contained, ended)
    assert log(contained, ended)[-1] == "403"  # it is reached, and refuses jobs its admin interface


def test_stopping_asks_politely(contained: Cloud) -> None:
    request = {"HyperParameters": {"polite": "1", "sleep": "60"}}
    name = contained.start_training(image=OWN, **request)
    contained.says(name, "sleeping", "TrainingJobs")
    contained.sagemaker.stop_training_job(TrainingJobName=name)
    ended = contained.trained(name)
    assert ended["TrainingJobStatus"] == "Stopped"
    assert log(contained, ended)[-1] == "SIGTERM"
    assert "partial" in artefact(contained, ended)


def test_the_time_limit(contained: Cloud) -> None:
    ended = train(contained, told={"sleep": 60, "polite": 1}, limit=1)
    assert ended["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_memory_and_processors_of_the_instance_type_are_limits(contained: Cloud) -> None:
    script = (
        "import glob\n"
        "for name in ('memory/memory.limit_in_bytes', 'memory.max', 'cpu/cpu.cfs_quota_us', 'cpu.max'):\n"
        "    for file in glob.glob('/sys/fs/cgroup/' + name):\n"
        "        print(open(file).read().split()[0])\n"
        "import os; shm = os.statvfs('/dev/shm'); print(shm.f_blocks * shm.f_frsize)\n"
    )
    code = contained.put("limits/script.py", script)
    entry = {"ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/script.py"]}
    resources = {"InstanceType": "ml.t3.medium", "InstanceCount": 1, "VolumeSizeInGB": 1}
    ended = train(contained, {"code": code}, algorithm=entry, ResourceConfig=resources)
    assert log(contained, ended)[1:] == [str(4 << 30), "200000", str(2 << 30)]


def test_what_the_machine_cannot_give_is_said_once(contained: Cloud) -> None:
    resources = {"InstanceType": "ml.m5.24xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    ended = train(contained, ResourceConfig=resources)
    assert ended["TrainingJobStatus"] == "Completed"
    said = [line for line in log(contained, ended) if "ml.m5.24xlarge" in line]
    assert len(said) == 1
    assert said[0].startswith(f"[harness] ml.m5.24xlarge has 96 vCPU (here: {os.cpu_count()})")


def test_a_gpu_job_does_not_run_on_the_cpu(contained: Cloud, docker_client: Any) -> None:
    if "nvidia" in docker_client.info()["Runtimes"]:
        pytest.skip("this engine has GPUs to give")
    resources = {"InstanceType": "ml.g4dn.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}
    ended = train(contained, ResourceConfig=resources)
    assert ended["TrainingJobStatus"] == "Failed"
    assert "NVIDIA Container Toolkit" in ended["FailureReason"]


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("1.dkr.ecr.us-east-1.amazonaws.com/nobodys:7", "pulling is switched off: `docker tag YOUR-IMAGE 1.dkr"),
        ("x.y/sagemaker-xgboost:1.7-1", "pulling is switched off: `harness images build xgboost:1.7-1`"),
        ("harness-base:bookworm", "has no 'train'"),
    ],
)
def test_an_image_that_cannot_run_says_what_to_do(contained: Cloud, image: str, reason: str) -> None:
    ended = train(contained, image=image)
    assert ended["TrainingJobStatus"] == "Failed"
    assert ended["FailureReason"].startswith("ClientError: image ")
    assert reason in ended["FailureReason"]


def test_a_job_on_several_hosts(contained: Cloud) -> None:
    keys = [contained.put(f"shards/{number}.csv", "1\n" * number) for number in (1, 2, 3)]
    request = contained.training_request({"train": keys[0].rsplit("/", 1)[0]}, image=OWN, HyperParameters={"meet": "1"})
    request["ResourceConfig"]["InstanceCount"] = 3
    source = request["InputDataConfig"][0]["DataSource"]["S3DataSource"]
    source["S3DataDistributionType"] = "ShardedByS3Key"
    contained.sagemaker.create_training_job(**request)
    ended = contained.trained(request["TrainingJobName"])
    assert ended["TrainingJobStatus"] == "Completed", (ended, log(contained, ended))
    lines = log(contained, ended)
    assert {"met algo-2", "met algo-3", "train: 1 lines", "train: 2 lines", "train: 3 lines"} <= set(lines)
    seen = [json.loads(line.partition(" ")[2]) for line in lines if line.startswith("resources ")]
    assert {config["current_host"] for config in seen} == {"algo-1", "algo-2", "algo-3"}
    assert all(config["hosts"] == ["algo-1", "algo-2", "algo-3"] for config in seen)
    made = artefact(contained, ended)
    # Each host's name is the address of the interface it is told of, and each reaches the emulator.
    assert [json.loads(made[f"algo-{number}"]) for number in (1, 2, 3)] == [[True, 403]] * 3


def test_one_host_that_fails_fails_the_job(contained: Cloud) -> None:
    script = (
        "import json, sys, time\n"
        "config = json.load(open('/opt/ml/input/config/resourceconfig.json'))\n"
        "if config['current_host'] == 'algo-2':\n"
        "    open('/opt/ml/output/failure', 'w').write('second')\n"
        "    sys.exit(4)\n"
        "time.sleep(60)\n"
    )
    code = contained.put("hosts/script.py", script)
    entry = {"ContainerEntrypoint": ["python3", "/opt/ml/input/data/code/script.py"]}
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
    begun = time.monotonic()
    ended = train(contained, {"code": code}, algorithm=entry, ResourceConfig=resources)
    assert ended["FailureReason"] == "AlgorithmError: second, exit code: 4"
    assert time.monotonic() - begun < 30
