"""``harness images``: what stands in for AWS's images, in environments and in Docker Engine; the disk that takes."""

from __future__ import annotations

import click

from harness.cli.images.build import build, tag
from harness.cli.images.listing import list_images
from harness.cli.images.prune import prune
from harness.cli.images.pull import pull
from harness.cli.project import json_option


@click.group("images", invoke_without_command=True)
@json_option
@click.pass_context
def command(context: click.Context, as_json: bool) -> None:
    """List what stands in for AWS's images and the disk it takes; build it ahead, or remove it."""
    if context.invoked_subcommand is None:
        context.invoke(list_images, as_json=as_json)


for each in (list_images, pull, build, tag, prune):
    command.add_command(each)
