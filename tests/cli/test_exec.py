"""``harness exec`` and ``harness env``: unmodified programs wired to the emulator."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from harness.clients.emulator_process import find
from tests.cli.conftest import Project

WHO = (
    "import boto3; client = boto3.client('sts', endpoint_url='https://sts.us-east-1.amazonaws.com');"
    "print(client.get_caller_identity()['Arn'], client._client_config.user_agent.split()[-1])"
)


def test_a_key_of_twelve_digits_is_the_account_that_is_meant(project: Project) -> None:
    code = "import boto3, os; print(boto3.client('sts').get_caller_identity()['Account'])"
    for key, account in (("222222222222", "222222222222"), ("AKIAREAL", "123456789012")):
        environment = {**project.environment, "AWS_ACCESS_KEY_ID": key}
        argv = project.argv("exec", "--", sys.executable, "-c", code)
        done = subprocess.run(argv, cwd=project.folder, env=environment, capture_output=True, text=True, check=False)
        assert done.stdout == f"{account}\n", done.stderr
        settings = (project.state / "client" / account / "sagemaker-config.yaml").read_text()
        assert f"sagemaker-us-east-1-{account}" in settings


def test_it_starts_one_and_takes_down_what_it_started(project: Project) -> None:
    done = project.run("exec", "--", sys.executable, "-c", WHO)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("arn:aws:sts::123456789012:assumed-role/")
    assert find(project.state) is None


def test_it_uses_the_one_that_runs_and_leaves_it_running(started: Project) -> None:
    before = find(started.state)
    done = started.run("exec", "--", sys.executable, "-c", "import os; print(os.environ['AWS_ENDPOINT_URL'])")
    assert before is not None
    assert done.stdout.strip() == before.address
    assert find(started.state) == before


@pytest.mark.parametrize(("command", "code"), [("exit 7", 7), ("kill -TERM $$", 143), ("true", 0)])
def test_the_exit_code_is_the_commands(started: Project, command: str, code: int) -> None:
    assert started.run("exec", "--", "sh", "-c", command).returncode == code


def test_options_after_the_dashes_are_the_commands(started: Project) -> None:
    assert started.run("exec", "--", "echo", "--state", "x", "-h").stdout == "--state x -h\n"


def test_standard_input_and_output_are_the_commands(started: Project) -> None:
    assert started.run("exec", "--", "cat", input="through").stdout == "through"


def test_ctrl_c_is_the_commands_to_answer(started: Project) -> None:
    script = "trap 'echo stopping; exit 5' INT; echo ready; while :; do sleep 0.05; done"
    argv = started.argv("exec", "--", "sh", "-c", script)
    with subprocess.Popen(
        argv, cwd=started.folder, env=started.environment, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        # As a terminal does it: to everyone in the foreground.
        import os

        os.killpg(process.pid, signal.SIGINT)
        told, _ = process.communicate(timeout=20)
    assert (process.returncode, told) == (5, "stopping\n")


def test_offline_means_offline_and_online_is_said(started: Project) -> None:
    code = "import os; print(os.environ.get('HARNESS_OFFLINE'), os.environ.get('HTTPS_PROXY', '').startswith('http://127'))"
    assert started.run("exec", "--", sys.executable, "-c", code).stdout == "1 True\n"
    assert started.run("exec", "--online", "--", sys.executable, "-c", code).stdout == "None False\n"
    reach = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=2)"
    done = started.run("exec", "--", sys.executable, "-c", reach)
    assert done.returncode == 1
    assert "harness: refused to reach 192.0.2.1:443: this run is offline" in done.stderr


@pytest.mark.needs("namespaces")
def test_a_program_that_skips_the_shim_is_held_back_too(started: Project) -> None:
    reach = (
        "import socket\ntry: socket.create_connection(('192.0.2.1', 443), timeout=2)\n"
        "except OSError as error: print(error.strerror)"
    )
    done = started.run("exec", "--", sys.executable, "-I", "-c", reach)
    assert done.stdout == "Network is unreachable\n"


def test_a_host_refused_by_the_proxy_is_named_afterwards(started: Project) -> None:
    ask = (
        "import urllib.request\n"
        "for url in ('https://example.org/', 'http://example.net/x', 'https://example.org/'):\n"
        "    try: urllib.request.urlopen(url)\n"
        "    except OSError: pass\n"
    )
    done = started.run("exec", "--", sys.executable, "-I", "-c", ask)
    assert done.stderr.splitlines() == [
        "harness: refused to reach example.org:443: this run is offline.",
        "harness: refused to reach example.net: this run is offline.",
    ]


def test_the_lines_of_env_wire_a_shell(started: Project) -> None:
    lines = started.run("env").stdout
    # What the shell had before must not get in the way.
    before = "export AWS_PROFILE=none AWS_ENDPOINT_URL_STS=http://127.0.0.1:9 AWS_SESSION_TOKEN=old"
    given = {**started.environment, "AWS_PROFILE": "none", "AWS_ENDPOINT_URL_STS": "x", "AWS_SESSION_TOKEN": "old"}
    lines = subprocess.run(
        started.argv("env"), cwd=started.folder, env=given, capture_output=True, text=True, check=True
    ).stdout
    script = f'{before}\neval "$1"\n{sys.executable} -c "$2"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", lines, WHO], env=started.environment, capture_output=True, text=True, check=False
    )
    assert done.stdout.split()[-1] == "harness-shim", done.stderr
    assert "HTTPS_PROXY" not in lines


def test_env_speaks_json_and_fish(started: Project) -> None:
    told = json.loads(started.run("env", "--json").stdout)
    assert told["set"]["AWS_DEFAULT_REGION"] == "us-east-1"
    assert "set -gx AWS_DEFAULT_REGION us-east-1\n" in started.run("env", "--shell", "fish").stdout
    assert "export HARNESS_OFFLINE=1\n" in started.run("env", "--offline").stdout
