"""What a job sees, and does not see, in a mount, network, PID, IPC and UTS namespace; as root and as anyone."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.runners.spec import Cause, Network
from tests.runners.conftest import PROGRAMS, Workbench, eventually, workbench

REPOSITORY = Path(__file__).parents[2]


def test_nothing_is_made_in_the_hosts_opt(contained: Workbench) -> None:
    before = _listing("/opt"), _listing("/")
    _, text = contained.job("sh", "-c", "ls -A /opt; touch /opt/mine /mine; ls -d /opt/mine /mine")
    assert set(text.split()) >= {*before[0], "ml", "/opt/mine", "/mine"}
    assert (_listing("/opt"), _listing("/")) == before


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can take /opt away")
def test_host_without_opt_is_served_too(tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    done = _python(PROGRAMS / "without_opt.py", tmp_path / "bare", tmp_path)
    assert (done.stdout, done.stderr) == ("ml\n0  True False\n", "")


def test_homes_and_state_are_hidden_and_programs_shown(contained: Workbench) -> None:
    program = contained.folder / "home" / "deep" / "program"
    program.mkdir(parents=True)
    (program / "main.py").write_text("print('shown')")
    command = f"ls {contained.folder}/home {contained.folder}/home/deep; python {program}/main.py; touch {program}/x"
    _, text = contained.job("sh", "-c", command, visible=(program,))
    assert "shown" in text
    assert "secret" not in text
    assert "Read-only file system" in text


@pytest.mark.parametrize("roots", ["namespace", "proot"])
def test_what_is_shown_of_a_hidden_folder_is_all_there_is(tmp_path: Path, roots: str) -> None:
    tests = REPOSITORY / "tests"
    with workbench(tmp_path, roots, hidden=(tests,)) as bench:
        if not (bench.runner.host.granted or bench.runner.host.wrapper):
            pytest.skip(bench.runner.host.refusal)
        server = PROGRAMS / "server.py"
        _, text = bench.job("sh", "-c", f"cd {tests} && find . -type f; grep -c socket {server}", visible=(server,))
    assert text.split()[0] == "./runners/programs/server.py"
    assert len(text.split()) == 2


@pytest.mark.parametrize("roots", ["namespace", "proot"])
def test_hidden_folders_show_nothing_of_each_other(tmp_path: Path, roots: str) -> None:
    empty, other = REPOSITORY / "tests" / "kernel", PROGRAMS.parent
    with workbench(tmp_path, roots, hidden=(empty, other)) as bench:
        if not (bench.runner.host.granted or bench.runner.host.wrapper):
            pytest.skip(bench.runner.host.refusal)
        # Below /tmp, which a job has of its own, not even the empty folder is there.
        _, text = bench.job("sh", "-c", f"find {empty} -mindepth 1 2>/dev/null; ls {other}", visible=(PROGRAMS,))
    assert text.split() == ["programs"]


def test_host_files_are_read_only(contained: Workbench) -> None:
    places = ["/etc", "/usr", "/sys", str(contained.folder), str(PROGRAMS)]
    for place in places:
        _, text = contained.job(
            "sh", "-c", f"touch {place}/made-by-a-job; ls {place}/made-by-a-job", visible=(PROGRAMS,)
        )
        assert "No such file" in text
        assert not Path(place, "made-by-a-job").exists()


def test_temporary_files_are_private(contained: Workbench) -> None:
    name = f"harness-{os.getpid()}"
    command = f"for d in /tmp /var/tmp /dev/shm; do touch $d/{name} || echo no; done; ls /tmp"
    _, text = contained.job("sh", "-c", command)
    assert name in text.split()
    assert "no" not in text.split()
    assert not {"pytest-of-root", contained.folder.parts[2]} & set(text.split())
    assert contained.job("sh", "-c", f"ls /tmp /dev/shm | grep {name}")[0].code == 1
    assert not [place for place in ("/tmp", "/var/tmp", "/dev/shm") if Path(place, name).exists()]


def test_host_name_resolves_and_only_own_processes_show(contained: Workbench) -> None:
    lines = ("import os, socket", "name = socket.gethostname()", "print(name, socket.gethostbyname(name))")
    code = "\n".join([*lines, "print(*[entry for entry in os.listdir('/proc') if entry.isdigit()])"])
    outcome, text = contained.job("python", "-c", code, hostname="algo-1")
    assert outcome.code == 0
    assert text.splitlines() == ["algo-1 127.0.0.1", "1 2"]


def test_job_cannot_undo_its_surroundings(contained: Workbench) -> None:
    command = "mount -o remount,bind,rw /usr; umount /opt/ml; mount -t tmpfs x /tmp; kill -9 1; echo still here"
    outcome, text = contained.job("sh", "-c", command)
    assert (outcome.cause, outcome.code) == (Cause.EXITED, 0)
    assert "still here" in text
    assert text.count("permission denied") + text.count("must be superuser") >= 3


def test_emulators_port_is_all_the_network_there_is(tmp_path: Path) -> None:
    with _greeter() as (port, _), _adopting(tmp_path, 4599) as (bench, let_go):
        targets = ("4599", str(port), "192.0.2.1:80")
        _, text = bench.job("python", str(PROGRAMS / "reach.py"), *targets)
        assert text.splitlines() == ["adopted", "ConnectionRefusedError 111", "OSError 101"]
        _, text = bench.job("python", str(PROGRAMS / "reach.py"), *targets, network=Network.ISOLATED)
        assert text.splitlines() == ["ConnectionRefusedError 111", "ConnectionRefusedError 111", "OSError 101"]
        assert let_go == [True]  # once: the isolated job had nothing to adopt


def test_two_servers_listen_on_the_same_port(contained: Workbench) -> None:
    started = [contained.start("python", str(PROGRAMS / "server.py"), serves=True) for _ in range(2)]
    for run, output in started:
        eventually(lambda output=output: b"listening" in b"".join(output))
        connection, address = run.socket()
        with connection:
            connection.connect(address)
            assert connection.recv(100) == b"pong 8080"
    for run, _ in started:
        run.kill()


def test_missing_working_directory_is_made(contained: Workbench) -> None:
    outcome, text = contained.job("pwd", cwd="/opt/ml/code")
    assert (outcome.code, text) == (0, "/opt/ml/code\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="all other tests have shown it already")
@pytest.mark.parametrize("roots", ["namespace", "proot"])
def test_ordinary_user_gets_the_same(roots: str) -> None:
    python = _python_for_all()
    if python is None or shutil.which("setpriv") is None:
        pytest.skip("no Python that an ordinary user may run")
    folder = Path(tempfile.mkdtemp(prefix="harness-ordinary-"))
    shutil.chown(folder, 65534, 65534)
    try:
        words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", python]
        done = _run([*words, str(PROGRAMS / "ordinary_user.py"), str(folder), roots])
        assert done.returncode == 0, done.stderr
        _check_ordinary(json.loads(done.stdout), roots)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("expected", ["proot", "environment"])
def test_host_that_refuses_namespaces_gives_what_it_can(tmp_path: Path, expected: str) -> None:
    done = _python(PROGRAMS / "refusing_host.py", tmp_path, expected)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    if expected == "proot" and not found["proot"]:
        pytest.skip("proot is not installed")
    assert found["roots"] == expected
    assert "Operation not permitted" in found["describe"]["/opt/ml"]
    assert found["relative"] == ["exited", 0, "", True]
    assert found["isolated"][0] == "not_started"
    assert "network isolation" in found["isolated"][2]
    if expected == "proot":
        assert found["absolute"] == ["exited", 0, "", True]
    else:
        assert (found["absolute"][0], found["absolute"][3]) == ("not_started", False)
        assert "install the package proot" in found["absolute"][2]


def _check_ordinary(found: dict, roots: str) -> None:  # type: ignore[type-arg]
    if roots == "namespace" and not found["granted"]:
        pytest.skip("user namespaces are refused")
    if "requires namespaces" in found["shell"]["message"] or "not installed" in found["shell"]["message"]:
        pytest.skip(found["shell"]["message"])
    identity = "0" if roots == "namespace" else "65534"
    assert (found["shell"]["code"], found["shell"]["owner"]) == (0, 65534), found["shell"]
    assert found["shell"]["text"].split()[0] == identity
    assert "secret" not in found["shell"]["text"]
    assert found["isolated"]["cause"] == ("exited" if roots == "namespace" else "not_started")
    assert (found["warm"]["code"], found["warm"]["owner"]) == (5, 65534)
    assert found["host"]["code"] != 0
    assert found["left"] == []


def _adopting(folder: Path, port: int) -> _Adopting:
    return _Adopting(folder, port)


class _Adopting:
    """A workbench whose emulator answers every connection with one word; and how often it was let go."""

    def __init__(self, folder: Path, port: int) -> None:
        self._let_go: list[bool] = []
        self._bench = workbench(folder, "namespace", port=port, adopt=self._adopt)

    def __enter__(self) -> tuple[Workbench, list[bool]]:
        made = self._bench.__enter__()
        if not made.runner.host.isolates_network:
            pytest.skip("this host refuses network namespaces")
        return made, self._let_go

    def __exit__(self, *error: object) -> None:
        self._bench.__exit__(None, None, None)

    def _adopt(self, door: socket.socket) -> Callable[[], None]:
        thread = threading.Thread(target=_greet, args=(door, b"adopted"))
        thread.start()

        def let_go() -> None:
            self._let_go.append(True)
            door.shutdown(socket.SHUT_RDWR)
            thread.join()
            door.close()

        return let_go


def _greet(door: socket.socket, word: bytes) -> None:
    while True:
        try:
            connection, _ = door.accept()
        except OSError:
            return
        with connection:
            connection.sendall(word)


class _greeter:  # noqa: N801  (used as a function)
    """Something that listens on the host's own loopback."""

    def __enter__(self) -> tuple[int, socket.socket]:
        self._door = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=_greet, args=(self._door, b"host"))
        self._thread.start()
        return self._door.getsockname()[1], self._door

    def __exit__(self, *error: object) -> None:
        self._door.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._door.close()


def _listing(folder: str) -> list[str]:
    return sorted(entry.name for entry in Path(folder).iterdir()) if Path(folder).is_dir() else []


def _python(*argv: object) -> subprocess.CompletedProcess[str]:
    return _run([sys.executable, *map(str, argv)])


def _run(argv: list[str]) -> subprocess.CompletedProcess[str]:
    env = {"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(argv, env=env, capture_output=True, text=True, timeout=60, check=False, cwd="/")


def _python_for_all() -> str | None:
    """One that lies where an ordinary user can reach it, as this one may not."""
    for name in ("python3.13", "python3.12", "python3.11", "python3.10"):
        path = Path("/usr/bin", name)
        if path.exists():
            return str(path)
    return None
