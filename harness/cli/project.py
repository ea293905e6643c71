"""The project of a command: its root folder, its settings, its emulator; and the options for them."""

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
    """Add the options with which an emulator is started; the command gets them as ``start``, a ``StartOptions``."""

    @functools.wraps(command)
    def with_start(*arguments: Any, port: int | None = None, ephemeral: bool = False, **options: Any) -> Any:
        values = {name: options.pop(name) for name in (*CHOICES, "s3_url")}
        choices = {name: value for name, value in values.items() if value is not None}
        resolved = settings(port=port)
        start = StartOptions(resolved.port, port is not None, ephemeral, project_root(), choices)
        if choices.get("aws_backend", resolved.aws_backend) == "localstack":
            from harness.emulator.localstack import build_ahead

            build_ahead(resolved.state, resolved.install, resolved.images, lambda line: click.echo(line, err=True))
        return command(*arguments, start=start, **options)

    for option in (
        click.option("--runner", type=click.Choice(CHOICES["runner"]), help="What executes jobs (default: process)."),
        click.option(
            "--aws-backend", type=click.Choice(CHOICES["aws_backend"]), help="What answers S3 and the rest of AWS."
        ),
        click.option("--s3-url", metavar="URL", help="An S3-compatible service that holds the objects instead."),
        click.option("--ephemeral", is_flag=True, help="Keep nothing: all state goes when the emulator stops."),
    ):
        with_start = option(with_start)
    return with_start  # type: ignore[return-value]


json_option: Callable[[_F], _F] = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON for a program to read."
)


def project_root() -> Path:
    """Find the nearest folder, from here upwards, that holds a project; here when none does."""
    here = Path.cwd()
    marks = (FILE, "scenarios", ".harness")
    candidates = (here, *here.parents)
    return next((each for each in candidates if any(_is_there(each / mark) for mark in marks)), here)


def _is_there(path: Path) -> bool:
    """Return True when a path exists; False for one that may not be looked at."""
    try:
        return path.exists()
    except PermissionError:
        return False


def settings(**options: Any) -> Settings:
    """Load the settings in force. A state folder on the command line is relative to the working directory."""
    if options.get("state") is not None:
        options["state"] = Path(options["state"]).absolute()
    return load_settings(project_root(), **options)


def running(state: Path | None) -> RunningEmulator:
    """Find the emulator of this state folder, which must be running."""
    folder = settings(state=state).state
    emulator = find(folder)
    if emulator is None:
        raise StateError(f"no emulator runs on {folder}", "start one with `harness start`")
    return emulator


def target(emulator: RunningEmulator) -> Target:
    """Return the target of clients, with the region and the account of the running emulator.

    An access key of twelve digits in the user's environment names another account.
    """
    facts, key = emulator.facts(), os.environ.get("AWS_ACCESS_KEY_ID", "")
    account = key if re.fullmatch("[0-9]{12}", key) else facts["account"]
    return Target(address=emulator.address, region=facts["region"], account=account, secret=emulator.client_secret())


def client_folder(settings: Settings, target: Target) -> Path:
    """Return the folder for the files of an account's clients: two terminals may work in two accounts."""
    return settings.state / "client" / target.account


def print_json(value: Any) -> None:
    """Print a value as JSON."""
    click.echo(json.dumps(value, indent=2, default=str))
