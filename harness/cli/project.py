"""The project a command works on: its root folder, its settings, its emulator; and the options that say so."""

from __future__ import annotations

import functools
import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from harness.clients.emulator_process import RunningEmulator, StartOptions, find
from harness.clients.environment import Target
from harness.kernel.errors import StateError
from harness.settings import CHOICES, FILE, Settings, load_settings

_F = TypeVar("_F", bound=Callable[..., Any])

state_option: Callable[[_F], _F] = click.option(
    "--state",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="The state folder (default: .harness).",
)


def emulator_options(command: _F) -> _F:
    """What an emulator is started with; handed to the command as ``wanted``, a ``StartOptions``."""

    @functools.wraps(command)
    def with_wanted(*arguments: Any, port: int | None = None, ephemeral: bool = False, **options: Any) -> Any:
        given = {name: options.pop(name) for name in CHOICES}
        given["s3_url"] = options.pop("s3_url")
        choices = {name: value for name, value in given.items() if value is not None}
        resolved = settings(port=port)
        wanted = StartOptions(resolved.port, port is not None, ephemeral, project_root(), choices)
        if choices.get("aws_backend", resolved.aws_backend) == "localstack":
            from harness.emulator.localstack import build_ahead

            build_ahead(resolved.state, resolved.install, resolved.images, lambda line: click.echo(line, err=True))
        return command(*arguments, wanted=wanted, **options)

    for option in (
        click.option("--runner", type=click.Choice(CHOICES["runner"]), help="What executes jobs (default: process)."),
        click.option(
            "--aws-backend", type=click.Choice(CHOICES["aws_backend"]), help="What answers S3 and the rest of AWS."
        ),
        click.option("--s3-url", metavar="URL", help="An S3-compatible service that holds the objects instead."),
        click.option("--ephemeral", is_flag=True, help="Keep nothing: all state goes when the emulator stops."),
    ):
        with_wanted = option(with_wanted)
    return with_wanted  # type: ignore[return-value]


json_option: Callable[[_F], _F] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for a program to read."
)


def project_root() -> Path:
    """The nearest folder, from here upwards, that holds a project; here when none does."""
    here = Path.cwd()
    marks = (FILE, "scenarios", ".harness")
    return next((folder for folder in (here, *here.parents) if any(_is_there(folder / mark) for mark in marks)), here)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:  # a folder above the user's own that they may not look into
        return False


def settings(**given: Any) -> Settings:
    """The settings in force. A state folder given on the command line is meant from where the user stands."""
    if given.get("state") is not None:
        given["state"] = Path(given["state"]).absolute()
    return load_settings(project_root(), **given)


def running(state: Path | None) -> RunningEmulator:
    """The emulator of this state folder, which must be running."""
    folder = settings(state=state).state
    emulator = find(folder)
    if emulator is None:
        raise StateError(f"no emulator runs on {folder}; start one with `harness start`")
    return emulator


def target(emulator: RunningEmulator) -> Target:
    """Region and account are the emulator's own: what it was started with may differ from what is given now. An access
    key of twelve digits in the user's environment is another account, that they mean."""
    facts, key = emulator.facts(), os.environ.get("AWS_ACCESS_KEY_ID", "")
    account = key if re.fullmatch("[0-9]{12}", key) else facts["account"]
    return Target(address=emulator.address, region=facts["region"], account=account, secret=emulator.client_secret())


def client_folder(given: Settings, place: Target) -> Path:
    """For the files of this account's clients: two terminals may work in two accounts."""
    return given.state / "client" / place.account


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2, default=str))
