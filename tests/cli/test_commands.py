"""The command as a whole: its help, its speed, its errors."""

from __future__ import annotations

import importlib
import shlex
import subprocess
import time

import click
import pytest

from harness import __version__
from harness.cli import COMMANDS
from tests.cli.conftest import Project


def test_help_lists_every_command_and_is_there_at_once(project: Project) -> None:
    project.run("--help")  # compiles
    begin = time.perf_counter()
    done = project.run("--help")
    took = time.perf_counter() - begin
    assert done.returncode == 0
    assert all(f"\n  {name} " in done.stdout for name in COMMANDS)
    # 0.25 s on a machine at rest; tests share theirs with each other.
    assert took < 1.0


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_says_what_the_list_says(name: str) -> None:
    command = importlib.import_module(f"harness.cli.{name}").command
    assert isinstance(command, click.Command)
    assert command.name == name
    assert (command.help or "").split("\n\n")[0] == COMMANDS[name]


def test_importing_the_commands_imports_nothing_heavy(project: Project) -> None:
    names = ", ".join(f"harness.cli.{name}" for name in COMMANDS)
    heavy = "{'boto3', 'botocore', 'rich', 'jinja2', 'sagemaker', 'pandas', 'asyncio', 'aiohttp', 'moto'}"
    argv = [project.argv()[0], "-c", f"import sys, {names}; print(sorted({heavy} & set(sys.modules)))"]
    done = subprocess.run(argv, env=project.environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_version_and_usage_errors(project: Project) -> None:
    assert project.run("--version").stdout == f"harness, version {__version__}\n"
    for arguments in (["nonsense"], ["start", "--port", "x"], ["run", "--profile", "moon"], ["exec"]):
        done = project.run(*arguments)
        assert done.returncode == 2, arguments
        assert "Traceback" not in done.stderr
    assert "no profile 'moon'; known: local" in project.run("run", "--profile", "moon").stderr


def test_a_misspelt_variable_is_told_once_beside_the_output(project: Project) -> None:
    project.environment["HARNESS_RUNER"] = "docker"
    done = project.run("list", "--json")
    assert done.returncode == 0
    assert done.stdout == "[]\n"
    assert done.stderr == "harness: nothing reads the variable HARNESS_RUNER; HARNESS_RUNNER is meant?\n"


def test_an_unfit_machine_is_one_line_and_code_3(project: Project) -> None:
    (project.folder / "harness.toml").write_text("[settings]\nprot = 1\n")
    done = project.run("start")
    assert done.returncode == 3
    assert done.stderr.startswith("harness: harness.toml: unknown setting 'prot'; known: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments", [("env",), ("clock",), ("ps",), ("invoke", "e", "--body", "1")])
def test_what_needs_an_emulator_says_how_to_start_one(project: Project, arguments: tuple[str, ...]) -> None:
    done = project.run(*arguments)
    assert done.returncode == 3
    assert done.stderr == f"harness: no emulator runs on {project.state}; start one with `harness start`\n"


def test_a_shell_that_could_not_be_wired_does_not_go_on(project: Project) -> None:
    line = f'set -e; eval "$({shlex.join(project.argv("env"))})"; echo reached AWS'
    done = subprocess.run(
        ["sh", "-c", line], cwd=project.folder, env=project.environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "start one with `harness start`" in done.stderr
    assert project.run("env", "--json").stdout == ""
