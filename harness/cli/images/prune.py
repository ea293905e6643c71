"""``harness images prune``: frees the disk that environments and images take, and says how much that is."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.cli.images.entries import build_folder, entries
from harness.cli.images.state import engine_usage
from harness.runners.disk import readable_size, space_of

if TYPE_CHECKING:
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.usage import Usage
    from harness.runners.process.environments import Environments

_OLD = 600.0
"""Seconds. A younger image without a name may belong to a build that goes on right now."""


@dataclass(frozen=True)
class PrunedItem:
    """``freed`` is an estimate for images: layers they share with each other go with the last of them."""

    name: str
    freed: int
    remove: Callable[[], None]


@click.command("prune")
@click.option("--environments", is_flag=True, help="Every environment, whether a lock still asks for it or not.")
@click.option("--docker", is_flag=True, help="Every image that `harness images build` made.")
@click.option("--all", "everything", is_flag=True, help="Both.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
def prune(environments: bool, docker: bool, everything: bool, yes: bool, dry_run: bool) -> None:
    """Remove what is no longer needed: environments that no lock asks for, former builds, remains of broken ones."""
    engine, in_engine, why_not = engine_usage()
    if why_not and (docker or everything):
        click.echo(why_not, err=True)
    removals = [
        *_environments(environments or everything),
        *_remains(),
        *_images(engine, in_engine, docker or everything),
    ]
    for removal in removals:
        click.echo(f"{removal.name}  {readable_size(removal.freed)}")
    if not removals:
        click.echo("nothing to remove")
        return
    if dry_run:
        click.echo(f"would free {readable_size(sum(removal.freed for removal in removals))}; nothing was removed")
        return
    if not yes:
        if not sys.stdin.isatty():
            raise click.UsageError("nothing was removed: say --yes, or --dry-run to only look")
        click.confirm("Remove these?", abort=True)
    click.echo(f"freed {readable_size(_carry_out(removals, engine, in_engine))}")


def _environments(every: bool) -> Iterator[PrunedItem]:
    from harness.runners.process.environments import Environments

    cache = Environments()
    known = (candidate for entry in entries() for candidate in entry.environment.candidates if candidate.lock)
    current = {cache.folder_of(candidate) for candidate in known}
    for folder in cache.all_folders():
        if every or folder not in current:
            yield PrunedItem(f"environment {folder.name}", space_of(folder).freed, partial(_discard, cache, folder))


def _discard(cache: Environments, folder: Path) -> None:
    from harness.runners.docker.errors import EngineRefusal

    if not cache.discard(folder):
        raise EngineRefusal(f"environment {folder.name} is kept: it is being built, or may not be removed")


def _remains() -> Iterator[PrunedItem]:
    from harness.runners.docker.packages import remains

    for folder in remains(build_folder()):
        yield PrunedItem(f"remains of a build {folder.name}", space_of(folder).freed, partial(shutil.rmtree, folder))


def _images(engine: DockerEngine, in_engine: Usage, every: bool) -> Iterator[PrunedItem]:
    from harness.runners.docker.usage import remove

    for image in in_engine.images:
        former = not image.names and time.time() - image.created > _OLD
        if (every or former) and not image.containers:
            yield PrunedItem(f"image {image.label}", image.own, partial(remove, engine, image))
        elif every:
            click.echo(f"kept: image {image.label}, of which there is a container")


def _carry_out(removals: list[PrunedItem], engine: DockerEngine, before: Usage) -> int:
    from harness.runners.docker.errors import EngineRefusal
    from harness.runners.docker.usage import usage

    freed = 0
    images = False
    for removal in removals:
        try:
            removal.remove()
        except EngineRefusal as error:
            click.echo(str(error), err=True)
            continue
        if removal.name.startswith("image "):
            images = True
        else:
            freed += removal.freed
    return freed + (max(before.layers - usage(engine).layers, 0) if images else 0)
