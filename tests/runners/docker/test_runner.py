"""The runner itself: output, ends, leftovers, owners of files, and what it says when there is no engine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.runners.docker import containers
from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.images import Images
from harness.runners.docker.runner import DockerRunner
from harness.runners.spec import Cause, Container, Environment, Outcome, Resources, RunSpec
from tests.cloud import eventually
from tests.runners.docker.conftest import BASE, PROGRAMS, TAG, build

pytestmark = pytest.mark.needs("docker")

ROOT = Path(__file__).parents[3]


class Bench:
    def __init__(self, folder: Path, **more: Any) -> None:
        self.folder = folder
        engine = DockerEngine()
        self.runner = DockerRunner(folder / "runs", folder, engine=engine, images=Images(engine, {}), **more)
        self.root = folder / "ml"
        (self.root / "model").mkdir(parents=True)

    def spec(self, *entrypoint: str, image: str = BASE, resources: Resources | None = None, **more: Any) -> RunSpec:
        container = Container(image, entrypoint or None, resources=resources or Resources())
        return RunSpec("job", (), Environment("harness"), self.root, container=container, **more)

    def start(self, *entrypoint: str, **more: Any) -> tuple[Any, list[bytes]]:
        output: list[bytes] = []
        return self.runner.start(self.spec(*entrypoint, **more), output.append), output

    def job(self, *entrypoint: str, **more: Any) -> tuple[Outcome, str]:
        run, output = self.start(*entrypoint, **more)
        outcome = run.wait(50)
        assert outcome is not None
        return outcome, b"".join(output).decode()


@pytest.fixture
def bench(tmp_path: Path, docker_client: Any) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    made.runner.close()
    assert labelled(docker_client, tmp_path) == []


def labelled(client: Any, state: Path) -> list[Any]:
    wanted = {"filters": {"label": f"harness.state={state}"}}
    return [*client.containers(all=True, **wanted), *client.networks(**wanted)]


def test_output_comes_as_it_is_written(bench: Bench) -> None:
    run, output = bench.start("sh", "-c", "echo one; echo two >&2; read x < /opt/ml/model/go; echo three; exit 5")
    os.mkfifo(bench.root / "model" / "go")
    eventually(lambda: sorted(b"".join(output).split()) == [b"one", b"two"], 20)
    (bench.root / "model" / "go").write_text("now\n")
    outcome = run.wait(20)
    assert (outcome.cause, outcome.code) == (Cause.EXITED, 5)
    assert b"".join(output).endswith(b"three\n")


def test_much_output_comes_whole_and_in_order(bench: Bench) -> None:
    outcome, text = bench.job("python3", "-c", "for i in range(200000): print(i)")
    assert outcome.code == 0
    assert text.split() == [str(number) for number in range(200000)]


def test_a_program_that_closes_its_output_is_waited_for(bench: Bench) -> None:
    outcome, _ = bench.job("sh", "-c", "exec >&- 2>&-; sleep 1; touch /opt/ml/model/late; exit 3")
    assert outcome.code == 3
    assert (bench.root / "model" / "late").exists()


def test_stop_asks_and_then_forces(bench: Bench) -> None:
    run, output = bench.start("sh", "-c", "trap 'echo asked' TERM; echo up; while true; do sleep 0.1; done")
    eventually(lambda: b"up" in b"".join(output), 20)
    begun = time.monotonic()
    run.stop(1.0)
    outcome = run.wait(20)
    assert (outcome.cause, outcome.code) == (Cause.STOPPED, 137)
    assert b"asked" in b"".join(output)
    assert 0.9 < time.monotonic() - begun < 8


def test_a_later_stop_may_be_more_impatient(bench: Bench) -> None:
    run, output = bench.start("sh", "-c", "trap '' TERM; echo up; while true; do sleep 0.1; done")
    eventually(lambda: b"up" in b"".join(output), 20)
    run.stop(100.0)
    run.stop(0.2)
    assert run.wait(15).cause is Cause.STOPPED


def test_stopped_before_it_started(bench: Bench) -> None:
    run, _ = bench.start("sleep", "60")
    run.stop(0.5)
    assert run.wait(20).cause is Cause.STOPPED


def test_memory(bench: Bench) -> None:
    eat = "x = []\nwhile True: x.append(b'x' * 1000000)"
    outcome, text = bench.job("python3", "-c", eat, resources=Resources("ml.tiny", 1, 64 << 20))
    assert outcome.code == 137
    assert text == "[harness] the program was killed: it needed more memory than it has\n"


def test_pids_are_those_of_the_program(bench: Bench) -> None:
    run, output = bench.start("sh", "-c", "sleep 60 & echo up; wait")
    eventually(lambda: b"up" in b"".join(output), 20)
    names = sorted(Path(f"/proc/{pid}/comm").read_text().strip() for pid in run.pids())
    assert names == ["sh", "sleep"]
    os.kill(run.pids()[0], 9)
    outcome = run.wait(20)
    assert (outcome.cause, outcome.code) == (Cause.EXITED, 137)
    assert run.pids() == ()


@pytest.mark.parametrize(
    ("entrypoint", "code", "message"),
    [
        (("no-such-program",), 127, "has no 'no-such-program': give it an ENTRYPOINT"),
        (("/etc/passwd",), 126, "'/etc/passwd' is not executable"),
        ((), 127, "has neither ENTRYPOINT nor CMD"),
    ],
)
def test_no_program(bench: Bench, docker_client: Any, entrypoint: tuple[str, ...], code: int, message: str) -> None:
    image = f"harness-tests/bare:{TAG}"
    build(docker_client, f"FROM {BASE}\nCMD []\nENTRYPOINT []", image)
    outcome, _ = bench.job(*entrypoint, image=image)
    docker_client.remove_image(image, force=True)
    assert (outcome.cause, outcome.code) == (Cause.NOT_STARTED, code)
    assert message in outcome.message


def test_leftovers_of_a_killed_emulator_are_swept(tmp_path: Path, docker_client: Any) -> None:
    other = tmp_path / "other"
    for state, owner in ((tmp_path, "1"), (other, "4194300"), (tmp_path / "alive", str(os.getpid()))):
        marks = {**containers.labels(state, "lost"), containers.EMULATOR: owner}
        made = docker_client.create_container(BASE, ["sleep", "60"], labels=marks)
        docker_client.start(made)
        docker_client.create_network(f"harness-test-{state.name}-{TAG}", internal=True, labels=marks)
    bench = Bench(tmp_path / "bench")
    runner = DockerRunner(tmp_path / "runs", tmp_path, engine=DockerEngine(), images=Images(DockerEngine(), {}))
    found = runner.sweep()
    assert found.count("container of lost") == 2
    assert len([name for name in found if name.startswith("network ")]) == 2
    assert labelled(docker_client, tmp_path) == labelled(docker_client, other) == []
    alive = labelled(docker_client, tmp_path / "alive")
    assert len(alive) == 2
    for each in alive:
        (docker_client.remove_network if "Name" in each else docker_client.remove_container)(
            each["Id"], **({} if "Name" in each else {"force": True})
        )
    runner.close()
    bench.runner.close()


@pytest.mark.needs("root")
def test_files_belong_to_the_user_who_runs_the_emulator(docker_client: Any, tmp_path: Path) -> None:
    state = Path(f"/tmp/harness-{TAG}")  # tmp_path is closed to others
    state.mkdir(mode=0o755)
    user, group = 64000, Path("/var/run/docker.sock").stat().st_gid
    os.chown(state, user, user)
    program = [sys.executable, str(PROGRAMS / "as_user.py"), str(state), BASE, str(user), str(group)]
    try:
        done = subprocess.run(
            program, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
        )
    finally:
        subprocess.run(["rm", "-rf", str(state)], check=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["owners"] == [user], told
    assert told["text"] == "x\n"
    assert told["said"] == "0\n"


def test_without_an_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nothing.sock")
    bench = Bench(tmp_path)
    outcome, _ = bench.job("true")
    assert outcome.cause is Cause.NOT_STARTED
    assert outcome.message.startswith("Docker Engine does not answer: start it")
    assert bench.runner.address_of("http://127.0.0.1:1") == "http://127.0.0.1:1"
    assert bench.runner.sweep() == []
    assert "does not answer" in bench.runner.describe()["Docker Engine"]
    bench.runner.close()


@pytest.mark.needs("root")
def test_without_permission(tmp_path: Path) -> None:
    program = (
        "import os, docker.context, docker.utils\n"
        "from harness.runners.docker.engine import DockerEngine\n"
        "from harness.runners.docker.errors import EngineRefusal\n"
        "os.setgroups([]); os.setgid(64000); os.setuid(64000)\n"
        "try: DockerEngine().client\n"
        "except EngineRefusal as refused: print(refused)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HOME": "/nonexistent"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=environment)
    assert "this user may not talk to it: add the user to the group docker" in done.stdout, done


def test_what_doctor_is_told(bench: Bench) -> None:
    told = bench.runner.describe()
    assert told["machine"].startswith(f"{os.cpu_count()} CPUs")
    assert set(told) == {"Docker Engine", "machine", "GPUs", "image storage", "network isolation"}
