"""``harness images pull``: the environments of the process runner, ahead of time."""

from __future__ import annotations

import click

from harness.cli.images.entries import entries, select_entries
from harness.kernel.errors import StateError


@click.command("pull")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
def pull(names: tuple[str, ...]) -> None:
    """Build the environments of images (or "all") now, so that jobs need no network later."""
    from harness.runners.process.environments import Environments
    from harness.runners.process.errors import EnvironmentMissing

    for entry in select_entries(names, entries()):
        try:
            Environments().build(entry.environment, click.echo)
        except EnvironmentMissing as error:
            raise StateError(str(error)) from error
        click.echo(f"{entry.name}: ready")
