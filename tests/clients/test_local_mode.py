"""The SDKs' own local mode on a machine without Docker: ``harness exec --local-mode``, programs unmodified."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.profiles.sdk_environments import python_for
from tests.clients.conftest import Client, Ended

SKLEARN = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
LOCAL = ("--local-mode",)
UP = ("up", "--build", "--abort-on-container-exit")
REFUSED = 125
FOREVER = "import time\nprint('running', flush=True)\nwhile True: time.sleep(0.1)"

pytestmark = [pytest.mark.needs("namespaces"), pytest.mark.provenance("assumed", source="harness's own behaviour")]


@pytest.fixture(scope="module")
def programs_but_docker(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All that PATH offers, except Docker's own commands."""
    folder = tmp_path_factory.mktemp("bin")
    for place in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(place).iterdir() if Path(place).is_dir() else ():
            if not program.name.startswith("docker"):
                (folder / program.name).unlink(missing_ok=True)
                (folder / program.name).symlink_to(program)
    return folder


@pytest.fixture(scope="module")
def user(client: Client, programs_but_docker: Path) -> Client:
    client.environment |= {"PATH": str(programs_but_docker), "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    return client


@pytest.fixture(autouse=True)
def _nothing_left(user: Client) -> Iterator[None]:
    yield
    own = {place.name for place in (user.state / "runs").iterdir()}
    until = time.monotonic() + 20
    while len(own) > 1 and time.monotonic() < until:  # the emulator's own may be there; those of containers go
        own = {place.name for place in (user.state / "runs").iterdir()}
        time.sleep(0.05)
    assert len(own) <= 1


def local(user: Client, program: str, *arguments: str) -> Ended:
    return user.exec(user.python, Path(__file__).parent / "programs" / program, *arguments, options=LOCAL)


def compose(folder: Path, code: str = "", **service: Any) -> Path:
    """A compose file (YAML takes JSON) of one container that runs ``code``."""
    table = {"image": SKLEARN, "container_name": "box", **service}
    if code:
        table["entrypoint"] = ["python3", "-c", code.replace("$", "$$")]
    file = folder / "docker-compose.yaml"
    file.write_text(json.dumps({"services": {"algo-1": table}}))
    return file


def up(user: Client, file: Path) -> Ended:
    return user.exec("docker", "compose", "-f", file, *UP, options=LOCAL)


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
def test_sdk_v2_trains_the_built_in_algorithm(user: Client, tmp_path: Path) -> None:
    ended = local(user, "v2_local_training.py", str(tmp_path))
    assert ended.told["status"] == "Completed"
    assert ended.told["model"] == ["xgboost-model"]
    assert any("| [9]" in line and "train-auc" in line for line in ended.lines)
    assert any(line.endswith("exited with code 0") for line in ended.lines)


def test_sdk_v2_shows_why_there_is_no_gpu(user: Client, tmp_path: Path) -> None:
    ended = local(user, "v2_local_training.py", str(tmp_path), "local_gpu")
    assert ended.code == 1
    assert "local_gpu needs a GPU in a container, which local mode without Docker cannot give" in ended.text
    assert "Process exited with code: 125" in " ".join(ended.text.split())


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
@pytest.mark.slow
def test_sdk_v2_processing_a_transform_and_an_endpoint(user: Client, tmp_path: Path) -> None:
    told = local(user, "v2_local_inference.py", str(tmp_path)).told
    assert told["rows"] == 400
    assert [round(float(value)) for value in told["batch"]] == [0, 1]
    assert [round(float(value)) for value in told["answers"].split()] == [0, 1]


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
@pytest.mark.slow
def test_sdk_v2_with_the_settings_of_local_mode(user: Client, tmp_path: Path) -> None:
    told = local(user, "v2_local_settings.py", str(tmp_path)).told
    assert told["written"] == ["model.tar.gz", "output.tar.gz"]
    assert told["answer"] < 0.5
    assert told["channel"] == ["train.csv"]


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
@pytest.mark.slow
def test_sdk_v2_pipelines(user: Client, tmp_path: Path) -> None:
    told = local(user, "v2_local_pipeline.py", str(tmp_path)).told
    assert told["done"]["status"] == "Succeeded"
    assert set(told["done"]["steps"]) == {"Prepare", "Decide", "Train", "Create-CreateModel", "Score"}
    assert set(told["done"]["steps"].values()) == {"Succeeded"}
    assert told["failed"]["status"] == "Failed"
    assert "too few rows" in told["failed"]["reason"]
    assert told["rows"] == 400


def test_the_builder_that_needs_the_engine_says_so(user: Client) -> None:
    program = (
        "from sagemaker.serve.mode.local_container_mode import LocalContainerMode\n"
        "LocalContainerMode(None, None, None, None, None, {})"
    )
    ended = user.exec(user.python, "-c", program, options=LOCAL)
    assert ended.code == 1
    assert "LOCAL_CONTAINER mode needs the Docker Engine itself" in " ".join(ended.text.split())


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
@pytest.mark.needs("index")
@pytest.mark.slow
def test_sdk_v3_trains_a_script(user: Client, tmp_path: Path) -> None:
    ended = user.exec(
        python_for("v3", print), Path(__file__).parent / "programs" / "v3_local_training.py", tmp_path, options=LOCAL
    )
    assert ended.told["model"] == ["xgboost-model"]
    assert ended.told["data"] == ["train.csv"]
    assert any(line.endswith('hosts ["algo-1"] rounds 4') for line in ended.lines)


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
@pytest.mark.needs("index")
@pytest.mark.slow
def test_sdk_v3_processes_and_serves(user: Client, tmp_path: Path) -> None:
    told = user.exec(
        python_for("v3", print), Path(__file__).parent / "programs" / "v3_local_serving.py", tmp_path, options=LOCAL
    ).told
    assert told["score"] > 0.9
    assert told["status"] == "InService"
    assert [round(float(value)) for value in told["answer"]] == [0, 1]


def test_a_container_sees_its_volumes_and_what_it_writes_is_the_users(user: Client, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "rows.csv").write_text("1,2\n")
    code = (
        "import os, socket\n"
        "print(sorted(os.listdir('/opt/ml')), open('/opt/ml/input/data/train/rows.csv').read().strip())\n"
        "print(os.environ['NAME'], socket.gethostname(), socket.gethostbyname('algo-1'), os.getcwd())\n"
        "open('/opt/ml/model/made', 'w').write('m')\n"
        "open('/opt/ml/output/data/made', 'w').write('o')\n"
        "print('no newline', end='')\n"
    )
    volumes = {"model": "model", "output": "output", "output/data": "output/data", "train": "input/data/train"}
    file = compose(
        tmp_path,
        code,
        environment=["NAME=$$5"],
        volumes=[f"{tmp_path / host}:/opt/ml/{inside}" for host, inside in volumes.items()],
    )
    ended = up(user, file)
    assert ended.code == 0, ended.text
    assert ended.lines == [
        "box  | ['input', 'model', 'output'] 1,2",
        "box  | $5 algo-1 127.0.0.1 /",
        "box  | no newline",
        "box exited with code 0",
    ]
    made = [tmp_path / "model" / "made", tmp_path / "output" / "data" / "made"]
    assert {(path.stat().st_uid, path.stat().st_gid) for path in made} == {(os.getuid(), os.getgid())}


def test_a_container_reaches_the_emulator_and_nothing_else(user: Client, tmp_path: Path) -> None:
    code = (
        "import boto3, socket\n"
        "print(boto3.client('sts').get_caller_identity()['Account'])\n"
        "try: socket.create_connection(('192.0.2.1', 80), 2)\n"
        "except OSError as error: print('refused', error.errno)\n"
    )
    ended = up(user, compose(tmp_path, code))
    assert ended.lines[0] == "box  | 123456789012"
    assert ended.lines[1].startswith("box  | refused")


def test_the_exit_code_is_the_containers(user: Client, tmp_path: Path) -> None:
    ended = up(user, compose(tmp_path, "raise SystemExit(7)"))
    assert (ended.code, ended.lines[-1]) == (7, "box exited with code 7")


def test_a_command_that_is_not_there(user: Client, tmp_path: Path) -> None:
    ended = up(user, compose(tmp_path, entrypoint=["no-such-program"]))
    assert ended.code == 127
    assert "no-such-program" in ended.text


@pytest.mark.parametrize(
    ("service", "named"),
    [
        ({"image": "nobody/nothing:1"}, "nobody/nothing:1"),
        ({"deploy": {"resources": {}}}, "local_gpu"),
        ({"privileged": True}, "privileged"),
    ],
)
def test_what_cannot_run_is_refused_by_name(user: Client, tmp_path: Path, service: Any, named: str) -> None:
    ended = up(user, compose(tmp_path, **service))
    assert ended.code == REFUSED
    assert named in ended.text


def test_several_hosts_reach_each_other(user: Client, tmp_path: Path) -> None:
    """The first that ends well leaves the others time to finish; one that fails has them stopped."""
    listening = "import socket; print(socket.create_server(('', 7777)).accept()[0].recv(9)); import time; time.sleep(1)"
    asking = (
        "import socket, time\n"
        "while True:\n"
        "    try: socket.create_connection(('algo-1', 7777)).send(b'hello'); break\n"
        "    except OSError: time.sleep(0.1)\n"
    )
    file = tmp_path / "docker-compose.yaml"

    def write(*codes: str) -> None:
        services = {
            f"algo-{number}": {"image": SKLEARN, "entrypoint": ["python3", "-c", code.replace("$", "$$")]}
            for number, code in enumerate(codes, 1)
        }
        file.write_text(json.dumps({"services": services}))

    write(listening, asking)
    ended = up(user, file)
    assert ended.code == 0, ended.text
    assert any("b'hello'" in line for line in ended.lines)
    assert {"algo-1-1 exited with code 0", "algo-2-1 exited with code 0"} <= set(ended.lines)
    write(FOREVER, "raise SystemExit(3)")
    assert up(user, file).code == 3


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("docker compose version", 0, "version v2"),
        ("docker-compose version", 0, "version v2"),
        (f"docker images -q {SKLEARN}", 0, ""),
        ("docker pull nobody/nothing:1", REFUSED, "nobody/nothing:1"),
        ("docker login 1.dkr.ecr.us-east-1.amazonaws.com -u AWS --password-stdin", 0, "Login Succeeded"),
        ("docker login -u AWS -p word 1.dkr.ecr.us-east-1.amazonaws.com", 0, "Login Succeeded"),
        ("docker login -u me -p word docker.io", REFUSED, "--password-stdin"),
        ("docker login", REFUSED, "docker login REGISTRY"),
        ("docker ps", REFUSED, "docker ps"),
        ("docker run --rm alpine", REFUSED, "docker run"),
        ("docker compose -f a.yaml down", REFUSED, "a.yaml down"),
        ("docker compose -f a.yaml up --detach", REFUSED, "wait=True"),
        ("docker compose -f a.yaml up --scale algo=2", REFUSED, "--scale"),
    ],
)
def test_it_knows_what_the_sdks_call(user: Client, command: str, code: int, said: str) -> None:
    ended = user.exec(*command.split(), options=LOCAL)
    assert (ended.code, said in ended.text) == (code, True), ended.text


def test_without_the_option_nothing_is_named_docker(user: Client) -> None:
    assert user.exec("docker", "compose", "version").code == 127


def running(user: Client, file: Path) -> tuple[subprocess.Popen[str], int]:
    """A program of the user's that waits for its container, which has said its first word; and the program's own id."""
    program = (
        "import os, subprocess, sys\n"
        "print(os.getpid(), flush=True)\n"
        f"sys.exit(subprocess.call(['docker', 'compose', '-f', {str(file)!r}, {', '.join(map(repr, UP))}]))"
    )
    process = subprocess.Popen(
        user.argv("exec", *LOCAL, "--", str(user.python), "-c", program),
        cwd=user.folder,
        env=user.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    program_id = int(process.stdout.readline())
    assert process.stdout.readline() == "box  | running\n"
    return process, program_id


def ended_containers(user: Client) -> None:
    until = time.monotonic() + 20
    while True:
        found = [p for p in Path("/proc").iterdir() if p.name.isdigit() and _runs_below(p, user.state / "runs")]
        if not found:
            return
        assert time.monotonic() < until, found
        time.sleep(0.05)


def _runs_below(process: Path, runs: Path) -> bool:
    try:
        words = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return b"launch" in words and os.fsencode(runs) in words


def test_ctrl_c_ends_the_container_politely(user: Client, tmp_path: Path) -> None:
    polite = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('goodbye', flush=True), sys.exit(0)))\n" + FOREVER
    )
    process, _ = running(user, compose(tmp_path, polite))
    os.killpg(process.pid, signal.SIGINT)
    output, _ = process.communicate(timeout=30)
    assert "box  | goodbye" in output
    ended_containers(user)


def test_a_container_ends_with_the_program_that_was_killed(user: Client, tmp_path: Path) -> None:
    process, program = running(user, compose(tmp_path, FOREVER))
    os.kill(program, signal.SIGKILL)
    process.communicate(timeout=30)
    ended_containers(user)


def test_what_a_killed_command_left_is_swept_by_the_next(user: Client, tmp_path: Path) -> None:
    process, _ = running(user, compose(tmp_path, FOREVER))
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    ended_containers(user)
    assert up(user, compose(tmp_path, "print('next')")).code == 0
