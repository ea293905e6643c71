"""``harness images``: what stands in for AWS's images, and building their environments ahead of time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import click

from harness.cli.project import json_option, print_json
from harness.kernel.errors import StateError
from harness.runners.spec import Environment


@dataclass(frozen=True)
class _Entry:
    """A row: an image, or the environment of an SDK generation that scenarios run in."""

    name: str
    runs: str
    stands_for: str
    environment: Environment


@click.group("images", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List the images and what stands in for them, or build their environments ahead."""
    if context.invoked_subcommand is None:
        context.invoke(list_images, as_json=as_json)


@command.command("list")
@json_option
def list_images(as_json: bool) -> None:
    """List the images, what runs for each, and whether its environment is built."""
    rows = [(entry, _state(entry)) for entry in _entries()]
    if as_json:
        print_json(
            [
                {
                    "name": entry.name,
                    "runs": entry.runs,
                    "stands_in_for": entry.stands_for or None,
                    "environment": state,
                }
                for entry, state in rows
            ]
        )
        return
    width = max(len(entry.name) for entry, _ in rows)
    for entry, state in rows:
        standing = f", stands in for {entry.stands_for}" if entry.stands_for else ""
        click.echo(f"{entry.name:<{width}}  {state:<12}  {entry.runs}{standing}")


@command.command("pull")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def pull(names: tuple[str, ...]) -> None:
    """Build the environments of images (or "all") now, so that jobs need no network later."""
    from harness.runners.process.environments import Environments
    from harness.runners.process.errors import EnvironmentMissing, PythonMissing

    known = {entry.name: entry for entry in _entries()}
    for name in known if "all" in names else names:
        entry = known.get(name) or next((entry for entry in known.values() if entry.environment.name == name), None)
        if entry is None:
            raise click.BadParameter(f"no image {name!r}; known: {', '.join(known)}", param_hint="NAME")
        try:
            Environments().build(entry.environment, click.echo)
        except PythonMissing as error:
            if not entry.environment.stand_in:
                raise StateError(str(error)) from error
            click.echo(entry.environment.stand_in)
        except EnvironmentMissing as error:
            raise StateError(str(error)) from error
        click.echo(f"{entry.name}: ready")


def _entries() -> Iterator[_Entry]:
    from harness.contract.catalog import load_catalog
    from harness.profiles.sdk_environments import V3

    for image in load_catalog():
        yield _Entry(image.title, image.runs, "" if image.runs == image.release else image.release, image.environment)
    yield _Entry(V3.name, "SageMaker Python SDK v3, for scenarios of that generation", "", V3)


def _state(entry: _Entry) -> str:
    from harness.runners.process.environments import Environments
    from harness.runners.process.errors import EnvironmentMissing

    if entry.environment.lock is None:
        return "built in"
    try:
        Environments().path(entry.environment)
    except EnvironmentMissing:
        return "not built"
    return "built"
