"""What a program sees of its container and of the host: the whole tree, the environment, and what it must not see."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from harness.contract.catalog import resolve_image
from harness.runners.process.environments import Environments
from tests.cloud import BUCKET, CODE, Cloud, running_cloud

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


OUT = "/opt/ml/processing/output"
DUMP = """
import json, os, pathlib, socket, sys
root = pathlib.Path("/opt/ml")
tree = sorted(str(path.relative_to(root)) + ("/" if path.is_dir() else "") for path in root.rglob("*"))
def tried(action):
    try:
        return action()
    except OSError as error:
        return type(error).__name__
seen = {
    "tree": tree,
    "env": dict(os.environ),
    "files": {name: path.read_text() for name in sys.argv[2:] for path in [root / name]},
    "home": os.listdir(os.environ["HOME"]),
    "hostname": socket.gethostname(),
    "resolved": socket.gethostbyname("algo-1"),
    "cwd": os.getcwd(),
    "hidden": {path: tried(lambda: os.listdir(path)) for path in os.environ["LOOK"].split(":")},
    "processes": [name for name in os.listdir("/proc") if name.isdigit()],
    "written": tried(lambda: pathlib.Path("/etc/of-a-job").touch()),
    "tmp": os.listdir("/tmp"),
}
json.dump(seen, open(sys.argv[1], "w"))
"""


@pytest.fixture(scope="module")
def look(cloud: Cloud) -> str:
    """Folders that no job may see: the real home, the state folder and what lies in it."""
    return ":".join(map(str, (Path.home(), cloud.state, cloud.state / "jobs", cloud.state / "logs")))


@pytest.fixture(scope="module")
def in_processing(cloud: Cloud, look: str) -> dict[str, Any]:
    cloud.put("seen/in/a.csv", "1,2\n")
    job = cloud.process(
        DUMP,
        arguments=[f"{OUT}/seen.json", "config/processingjobconfig.json", "config/resourceconfig.json"],
        inputs={"/opt/ml/processing/input/data": f"s3://{BUCKET}/seen/in/"},
        outputs={OUT: f"s3://{BUCKET}/seen/out"},
        Environment={"LOOK": look},
        name="what-processing-sees",
    )
    assert job["ProcessingJobStatus"] == "Completed", cloud.log(job["ProcessingJobName"])
    found: dict[str, Any] = cloud.json("seen/out/seen.json")
    return found


@pytest.fixture(scope="module")
def in_training(cloud: Cloud, look: str) -> dict[str, Any]:
    configurations = [f"input/config/{name}.json" for name in ("hyperparameters", "inputdataconfig", "resourceconfig")]
    job = cloud.train(
        {"train": f"s3://{BUCKET}/seen/in/"},
        DUMP,
        algorithm={"ContainerArguments": ["/opt/ml/model/seen.json", *configurations]},
        output={"CompressionType": "NONE"},
        HyperParameters={"alpha": "0.5"},
        Environment={"LOOK": look},
        name="what-training-sees",
    )
    assert job["TrainingJobStatus"] == "Completed", cloud.log(job["TrainingJobName"], "TrainingJobs")
    found: dict[str, Any] = cloud.json(job["ModelArtifacts"]["S3ModelArtifacts"] + "seen.json")
    return found


@pytest.mark.provenance("documented", source="Developer guide: Build your own processing container")
def test_the_tree_of_a_processing_job(in_processing: dict[str, Any]) -> None:
    assert in_processing["tree"] == [
        "config/",
        "config/processingjobconfig.json",
        "config/resourceconfig.json",
        "output/",
        "output/metrics/",
        "output/metrics/cloudwatch/",
        "processing/",
        "processing/input/",
        "processing/input/code/",
        "processing/input/code/script.py",
        "processing/input/data/",
        "processing/input/data/a.csv",
        "processing/output/",
    ]


@pytest.mark.provenance("documented", source="Developer guide: How Amazon SageMaker provides training information")
def test_the_tree_of_a_training_job(in_processing: dict[str, Any], in_training: dict[str, Any]) -> None:
    assert in_training["tree"] == [
        "input/",
        "input/config/",
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
        "input/data/",
        "input/data/code/",
        "input/data/code/script.py",
        "input/data/train/",
        "input/data/train/a.csv",
        "model/",
        "output/",
        "output/data/",
        "output/metrics/",
        "output/metrics/sagemaker/",
    ]


@pytest.mark.provenance("documented", source="Developer guide: How Amazon SageMaker provides training information")
def test_the_configuration_of_a_training_job(in_training: dict[str, Any]) -> None:
    files = {name.split("/")[-1]: json.loads(text) for name, text in in_training["files"].items()}
    assert files["hyperparameters.json"] == {"alpha": "0.5"}
    assert set(files["inputdataconfig.json"]) == {"train", "code"}
    assert files["resourceconfig.json"]["current_host"] == "algo-1"


PLATFORM = {
    "AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION", "AWS_EC2_METADATA_DISABLED", "AWS_ENDPOINT_URL", "AWS_EXECUTION_ENV",
    "AWS_REGION", "AWS_SECRET_ACCESS_KEY", "GOMP_SPINCOUNT", "HOME", "HOSTNAME", "LANG", "LOOK", "PATH",
    "PYTHONUNBUFFERED", "TMPDIR",
}  # fmt: skip


PACKAGE_INDEX = re.compile(r"(PIP|UV|GIT_CONFIG)_\w+|(https?|no)_proxy", re.IGNORECASE)
"""Variables of pip, uv and git that lead to the job's package index."""


def without_index(environment: Mapping[str, str]) -> set[str]:
    return {name for name in environment if name != "LC_CTYPE" and not PACKAGE_INDEX.fullmatch(name)}


def test_the_environment_is_clean(
    in_processing: dict[str, Any], in_training: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "PIP_INDEX_URL" in in_processing["env"]
    assert without_index(in_processing["env"]) == PLATFORM | {"PROCESSING_JOB_NAME", "PROCESSING_JOB_ARN"}
    own = {"TRAINING_JOB_NAME", "TRAINING_JOB_ARN", "SAGEMAKER_METRICS_DIRECTORY", "HARNESS_IMAGE_TAG"}
    assert without_index(in_training["env"]) == PLATFORM | own
    assert in_training["env"]["TRAINING_JOB_ARN"].endswith(":training-job/what-training-sees")


@pytest.mark.parametrize("kind", ["in_processing", "in_training"])
def test_the_host_stays_out_of_sight(kind: str, look: str, request: pytest.FixtureRequest) -> None:
    seen: dict[str, Any] = request.getfixturevalue(kind)
    assert seen["home"] == []
    assert seen["hostname"] == "algo-1"
    assert seen["resolved"].startswith("127.")
    assert seen["cwd"] == "/"
    # A checkout or an environment below /tmp stays readable at its place.
    assert set(seen["tmp"]) <= {Path(place).parts[2] for place in interpreter() if place.startswith("/tmp/")}
    assert seen["written"] in ("OSError", "PermissionError")
    assert not Path("/etc/of-a-job").exists()
    for path in look.split(":"):
        # What the interpreter itself needs may lie below the home; nothing else of it is to be seen.
        shown = {Path(os.path.relpath(place, path)).parts[0] for place in interpreter() if place.startswith(path)}
        assert seen["hidden"][path] == "FileNotFoundError" or set(seen["hidden"][path]) <= shown, path
    assert len(seen["processes"]) < 6


def interpreter() -> list[str]:
    import sys

    import harness
    from harness.kernel.cache import cache_folder

    places = [
        str(cache_folder("environments")),
        sys.prefix,
        sys.base_prefix,
        sys.exec_prefix,
        sys.executable,
        str(Path(harness.__file__).parent),
    ]
    return [*places, *map(os.path.realpath, places)]


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
def test_the_code_is_where_the_sdk_expects_it(in_processing: dict[str, Any]) -> None:
    assert f"{CODE.removeprefix('/opt/ml/')}/script.py" in in_processing["tree"]


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """As on a host that can give no ``/opt/ml``, has one environment and no network to install another."""
    folder = tmp_path_factory.mktemp("bare")
    built = Environments().build(resolve_image("sagemaker-xgboost:3.0-5").environment, print).parents[1]
    (folder / "cache" / "environments").mkdir(parents=True)
    (folder / "cache" / "environments" / built.name).symlink_to(built)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HARNESS_ROOTS", "environment")
        patch.setenv("HARNESS_CACHE", str(folder / "cache"))
        patch.setenv("UV_CACHE_DIR", str(folder / "uv"))
        patch.setenv("UV_OFFLINE", "1")
        with running_cloud(folder / ".harness") as made:
            yield made


def test_programs_that_follow_the_environment_run_without_opt_ml(bare: Cloud) -> None:
    train = {"train": bare.put("train.csv", "1,2\n0,3\n")}
    job = bare.train(train, HyperParameters={"num_round": "1"})
    assert job["TrainingJobStatus"] == "Completed", job
    assert not Path("/opt/ml/input").exists()


def test_what_needs_opt_ml_is_failed_with_the_remedy(bare: Cloud) -> None:
    for job in (bare.process("pass"), bare.train(algorithm={"ContainerEntrypoint": ["true"]})):
        assert job["FailureReason"].startswith("ClientError: the program needs /opt/ml")
        assert "remedy: " in job["FailureReason"]


def test_an_environment_that_cannot_be_installed_fails_the_job_with_the_command(bare: Cloud) -> None:
    image = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-xgboost:1.0-1"
    job = bare.train({"train": bare.put("x/train.csv", "1,2\n")}, image=image, HyperParameters={"num_round": "1"})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "harness images pull xgboost" in job["FailureReason"]
    lines = bare.log(job["TrainingJobName"], "TrainingJobs")
    assert lines[0] == "[harness] xgboost:1.0-1: xgboost 1.0.2 stands in for xgboost 1.0.0"
    assert f"[harness] {job['FailureReason'].splitlines()[0]}" in lines
