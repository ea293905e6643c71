"""start, status, stop, reset: the emulator of a project folder."""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import signal
import socket
import subprocess
import threading
import urllib.request

from harness.clients.emulator_process import find, process_alive
from tests.cli.conftest import Project


def test_start_says_where_it_is_and_how_to_point_clients_at_it(project: Project) -> None:
    done = project.run("start")
    assert done.returncode == 0, done.stderr
    emulator = find(project.state)
    assert emulator is not None
    for text in (emulator.address, str(emulator.pid), str(project.state), 'eval "$(harness env)"', "harness exec -- "):
        assert text in done.stdout
    again = project.json("start")
    assert (again["address"], again["already_running"]) == (emulator.address, True)
    status = project.json("status")
    assert status["running"] is True
    assert status["health"]["status"] == "ok"
    assert emulator.address in project.run("status").stdout
    assert project.run("stop").stdout == "Stopped.\n"
    assert not process_alive(emulator.pid)
    assert project.run("status").returncode == 3
    assert "No emulator runs" in project.run("stop").stdout


def test_it_outlives_the_terminal_it_was_started_from(project: Project) -> None:
    with subprocess.Popen(project.argv("start"), cwd=project.folder, env=project.environment, start_new_session=True,
                          stdout=subprocess.DEVNULL) as process:  # fmt: skip
        group = process.pid
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGHUP)
    assert find(project.state) is not None


def test_a_taken_port_names_the_port_and_the_way_out(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = project.run("start", "--port", port)
    assert done.returncode == 3
    assert f"port {port} on 127.0.0.1 cannot be had" in done.stderr
    assert "--port 0" in done.stderr
    assert done.stderr.count("\n") == 1


def test_one_that_runs_otherwise_is_not_the_one_asked_for(project: Project) -> None:
    project.run("start")
    emulator = find(project.state)
    assert emulator is not None
    assert project.run("start", "--port", str(emulator.port)).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        free = other.getsockname()[1]
    for options, told in (
        (("--port", str(free)), f"runs with port {emulator.port}, not {free}"),
        (("--ephemeral",), "runs with ephemeral False, not True"),
    ):
        done = project.run("start", *options)
        assert (done.returncode, told in done.stderr, "harness stop" in done.stderr) == (3, True, True), done.stderr
    assert project.run("exec", "--ephemeral", "--", "true").returncode == 3
    assert find(project.state) == emulator


def test_the_foreground_ends_with_ctrl_c(project: Project) -> None:
    argv = project.argv("start", "--foreground")
    with subprocess.Popen(
        argv, cwd=project.folder, env=project.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with urllib.request.urlopen(f"{address}/_harness/health") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        killer = threading.Timer(20, process.kill)
        killer.start()
        process.wait()
        killer.cancel()
    assert process.returncode == 0
    assert find(project.state) is None


def test_reset_forgets_whether_it_runs_or_not(project: Project) -> None:
    make = "import boto3; boto3.client('s3').create_bucket(Bucket='the-bucket')"
    count = "import boto3; print(len(boto3.client('s3').list_buckets()['Buckets']))"
    python = project.argv()[0]
    assert project.run("exec", "--", python, "-c", make).returncode == 0
    assert project.run("exec", "--", python, "-c", count).stdout == "1\n"
    unasked = project.run("reset")
    assert unasked.returncode == 3
    assert "there is no terminal to ask on; add --yes" in unasked.stderr
    assert project.run("exec", "--", python, "-c", count).stdout == "1\n"
    assert project.run("reset", "--yes").returncode == 0
    assert project.run("reset").returncode == 0, "nothing is left to ask about"
    project.run("start")
    assert project.run("exec", "--", python, "-c", count).stdout == "0\n"
    assert project.run("exec", "--", python, "-c", make).returncode == 0
    assert project.run("reset").returncode == 3
    assert project.run("reset", "--yes").returncode == 0
    assert project.run("exec", "--", python, "-c", count).stdout == "0\n"


def test_pickles_of_an_earlier_harness_are_named_and_taken_over_when_asked(project: Project) -> None:
    assert "Nothing to take over" in project.run("migrate").stdout
    pickles = project.state / "aws" / "sts" / "123456789012"
    pickles.mkdir(parents=True)
    (pickles / "aws.pickle").write_bytes(pickle.dumps(("5.2.5", {"assumed_roles": []})))
    started = project.run("start")
    assert started.returncode == 0
    assert "aws/sts/123456789012/aws.pickle" in started.stderr
    assert "harness migrate" in started.stderr
    assert "in use by" in project.run("migrate", "--trust-pickles").stderr
    project.run("stop")
    asked = project.run("migrate")
    assert asked.returncode == 3
    assert "trusts whoever wrote the files" in asked.stderr
    assert (pickles / "aws.pickle").exists()
    taken = project.run("migrate", "--trust-pickles", "--json")
    assert json.loads(taken.stdout)["migrated"] == ["sts of 123456789012 in aws"], taken.stderr
    assert not pickles.exists()
    assert project.run("start").stderr == ""


def test_a_project_is_found_from_below(project: Project) -> None:
    below = project.folder / "some" / "where"
    below.mkdir(parents=True)
    project.run("start")
    argv = project.argv("status")
    done = subprocess.run(argv, cwd=below, env=project.environment, capture_output=True, text=True, check=False)
    assert str(project.state) in done.stdout
