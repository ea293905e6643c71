"""``harness images list``: a table, or JSON."""

from __future__ import annotations

from collections.abc import Sequence

import click

from harness.cli.images.state import State, cached_wheels, engine_usage, states
from harness.cli.project import json_option, print_json
from harness.runners.disk import readable_size


@click.command("list")
@json_option
def list_images(as_json: bool) -> None:
    """List the images, what runs for each, what of it is built, and the disk it takes."""
    engine, in_engine, why_not = engine_usage()
    rows = list(states(engine, in_engine))
    wheels = cached_wheels()
    disk = {
        "environments": sum(row.space.size for row in rows),
        "docker_images": sum(image.own for image in in_engine.images),
        "cached_wheels": wheels,
    }
    if as_json:
        print_json({"images": [row.facts() for row in rows], "disk_bytes": disk, "docker_engine": why_not or "answers"})
        return
    _table([("IMAGE", "ENVIRONMENT", "DOCKER IMAGE", "PEAK", "RUNS"), *(_cells(row) for row in rows)])
    click.echo(
        f"\nenvironments {readable_size(disk['environments'])}; images in Docker Engine without what they share "
        f"{readable_size(disk['docker_images'])}; packages in uv's cache, which all your projects share, "
        f"{readable_size(wheels)}. PEAK is what making it takes."
    )
    click.echo("`harness images prune` frees what is no longer needed, with --all everything; `uv cache prune` uv's.")
    if why_not:
        click.echo(why_not)


def _cells(row: State) -> tuple[str, ...]:
    entry = row.entry
    standing = f", stands in for {entry.stands_for}" if entry.stands_for else ""
    size = f" {readable_size(row.space.size)}" if row.environment == "built" else ""
    image = f" {readable_size(row.engine_image.size)}" if row.engine_image else ""
    peak = readable_size(row.peak) if row.peak else "-"
    return entry.name, row.environment + size, (row.docker or "-") + image, peak, entry.runs + standing


def _table(rows: Sequence[tuple[str, ...]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip())
