"""What ``harness exec`` leaves behind, whatever ends it; and whose state a program works on."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, STDOUT

import pytest

from harness.clients.emulator_process import find
from tests.clients.conftest import PROGRAMS, Client
from tests.cloud import eventually

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


BUCKETS = (
    "import boto3; s3 = boto3.client('s3'); import sys; [s3.create_bucket(Bucket=name) for name in sys.argv[1:]]\n"
    "print([bucket['Name'] for bucket in s3.list_buckets()['Buckets']])"
)


def buckets(client: Client, *create: str, options: tuple[str, ...] = ()) -> str:
    ended = client.exec(sys.executable, "-c", BUCKETS, *create, options=options)
    assert ended.code == 0, ended.text
    return ended.lines[-1]


def processes_of(folder: Path) -> list[str]:
    """Whatever runs on behalf of this folder: it is in the command line or the environment of each."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
        except OSError:
            continue
        if os.fsencode(folder) in told and int(process.name) != os.getpid():
            found.append(process.name)
    return found


@contextlib.contextmanager
def in_its_own_group(client: Client, *command: str | Path) -> Iterator[subprocess.Popen[str]]:
    argv = client.argv("exec", "--", *map(str, command))
    with subprocess.Popen(
        argv, cwd=client.folder, env=client.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        yield process


SPELT_OUT = """
import json, os, pathlib, sys
token, secret = ((pathlib.Path(sys.argv[1]) / name).read_bytes() for name in ("admin-token", "client-secret"))
lines = []
for process in pathlib.Path("/proc").glob("[0-9]*"):
    try:
        lines += [(process / name).read_bytes() for name in ("cmdline", "environ")]
    except OSError:
        pass
own = os.environ["AWS_SECRET_ACCESS_KEY"]
print(json.dumps({"token": any(token in line for line in lines), "secret": own == secret.decode()}))
"""


def test_programs_get_the_secret_and_nobody_spells_out_the_admin_token(client: Client) -> None:
    ended = client.exec(sys.executable, "-c", SPELT_OUT, client.state)
    assert ended.told == {"token": False, "secret": True}


@pytest.mark.parametrize(
    ("everyone", "number", "code"),
    [(True, signal.SIGINT, 130), (False, signal.SIGTERM, 143), (False, signal.SIGHUP, 129)],
    ids=["ctrl-c", "terminate", "hang-up"],
)
def test_nothing_is_left_when_it_is_interrupted(
    newcomer: Client, everyone: bool, number: signal.Signals, code: int
) -> None:
    with in_its_own_group(newcomer, sys.executable, PROGRAMS / "leaves_a_job.py") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "running\n"
        assert len(processes_of(newcomer.folder)) >= 3
        (os.killpg if everyone else os.kill)(process.pid, number)
        assert process.wait(timeout=30) == code
    assert find(newcomer.state) is None
    eventually(lambda: not processes_of(newcomer.folder), 5)


def test_the_emulators_death_is_the_programs_error_not_its_own(newcomer: Client) -> None:
    """An emulator that is gone cannot be stopped; the code is still the program's."""
    kill = "import json, os; os.kill(json.load(open('.harness/emulator.json'))['pid'], 9); raise SystemExit(5)"
    assert newcomer.exec(sys.executable, "-c", kill).code == 5
    eventually(lambda: not processes_of(newcomer.folder), 10)


def test_state_is_the_folders(newcomer: Client) -> None:
    assert buckets(newcomer, "first") == "['first']"
    assert buckets(newcomer, "other", options=("--state", "elsewhere")) == "['other']"
    assert buckets(newcomer, "gone", options=("--ephemeral",)) == "['gone']"
    assert buckets(newcomer) == "['first']"


def test_a_taken_port_is_no_obstacle(newcomer: Client) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        newcomer.environment["HARNESS_PORT"] = str(other.getsockname()[1])
        assert buckets(newcomer) == "[]"


def test_a_folder_that_another_process_holds(newcomer: Client) -> None:
    newcomer.state.mkdir()
    with (newcomer.state / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        ended = newcomer.exec("true")
    assert ended.code == 3
    assert len(ended.lines) == 1
    assert f"the state folder {newcomer.state} is in use" in ended.text
    assert "--state" in ended.text


def test_a_folder_that_another_version_wrote(newcomer: Client) -> None:
    assert newcomer.exec("true").code == 0
    with contextlib.closing(sqlite3.connect(newcomer.state / "records.sqlite")) as database, database:
        database.execute("update settings set value = '4711' where name = 'format'")
    ended = newcomer.exec("true")
    assert ended.code == 3
    assert len(ended.lines) == 1
    assert f"the state folder {newcomer.state} has format 4711" in ended.text
    assert "use the harness that wrote it, choose another folder with --state, or remove the folder" in ended.text


def test_two_at_once_share_one_emulator_and_the_last_stops_it(newcomer: Client) -> None:
    """Whoever started it: the other's program is not left without."""
    talk = (
        "import sys; print('up', flush=True); sys.stdin.readline(); "
        + BUCKETS.partition("\n")[0]
        + "; "
        + ("print(len(s3.list_buckets()['Buckets']))")
    )
    argv = newcomer.argv("exec", "--", sys.executable, "-c", talk)

    def started() -> subprocess.Popen[str]:
        process = subprocess.Popen(
            argv, cwd=newcomer.folder, env=newcomer.environment, stdin=PIPE, stdout=PIPE, stderr=STDOUT, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        return process

    with started() as first, started() as second:
        assert first.communicate("\n", timeout=30)[0] == "0\n"
        assert second.communicate("\n", timeout=30)[0] == "0\n"
    assert (first.returncode, second.returncode) == (0, 0)
    assert find(newcomer.state) is None
