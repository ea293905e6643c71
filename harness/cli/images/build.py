"""``harness images build`` and ``tag``: our own images in Docker Engine."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import click

from harness.cli.images.entries import ImageEntry, build_folder, entries, own_image, select_entries
from harness.cli.project import project_root
from harness.kernel.errors import StateError
from harness.runners.disk import readable_size

_MACHINES = ("x86_64", "aarch64")


@click.command("build")
@click.argument("names", nargs=-1, metavar="[NAME...]")
@click.option(
    "--base", metavar="IMAGE", help="What to build on (default: what it was last built on, else python:X.Y-slim)."
)
@click.option(
    "--context",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIR",
    help="Write what the image is built from to this folder instead, for a builder elsewhere.",
)
@click.option("--python", metavar="X.Y", help="With --context: the base's Python (default: that of the image's lock).")
@click.option("--machine", type=click.Choice(_MACHINES), help="With --context: what the image is for.")
def build(
    names: tuple[str, ...], base: str | None, context: Path | None, python: str | None, machine: str | None
) -> None:
    """Build images in Docker Engine from the folders that the process runner uses.

    Without a NAME: those that the scenarios take. Packages come from the package index to this machine first; the build
    itself needs no network. An image made from the same folder, lock and base is left as it is.
    """
    from harness.runners.docker.errors import EngineRefusal

    selected = _select_entries(names)
    try:
        if context is not None:
            _write(selected, context, python, machine or _MACHINES[0], base)
        elif python or machine:
            raise click.UsageError("--python and --machine go with --context; else the base is asked")
        else:
            _build(selected, base)
    except EngineRefusal as error:
        raise StateError(str(error)) from error


@click.command("tag")
@click.argument("uris", nargs=-1, required=True, metavar="URI...")
def tag(uris: tuple[str, ...]) -> None:
    """Give what stands for an AWS image URI that very name in Docker Engine, for tools that ask the engine for it."""
    from harness.contract.catalog import own_image as own
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.errors import EngineRefusal
    from harness.runners.docker.registry import Registry
    from harness.settings import read_project

    registry = Registry(DockerEngine(), read_project(project_root()).images, own)
    for uri in uris:
        try:
            click.echo(f"{uri} is {registry.tag_for(uri)}")
        except EngineRefusal as error:
            raise StateError(str(error)) from error


def _select_entries(names: Iterable[str]) -> list[ImageEntry]:
    images = [entry for entry in entries() if entry.image]
    if names:
        return select_entries(names, images)
    return [entry for entry in images if entry.image and entry.image.usual]


def _build(selected: list[ImageEntry], base: str | None) -> None:
    from harness.runners.docker.building import BASE, ImageBuilder, find_image, labels_of
    from harness.runners.docker.engine import DockerEngine
    from harness.runners.docker.usage import usage

    engine = DockerEngine()
    builder = ImageBuilder(engine, build_folder(), click.echo)
    for entry in selected:
        assert entry.image is not None
        begun = time.monotonic()
        former = find_image(engine, entry.image.docker_name)
        last = labels_of(former).get(BASE) if former else None
        built = builder.build(own_image(entry.image), base or last or f"python:{entry.image.locked.python}-slim")
        if not built.rebuilt:
            continue
        found = next(image for image in usage(engine).images if image.image_id == built.image_id)
        click.echo(
            f"{entry.name}: {built.name}, {readable_size(found.size)} ({readable_size(found.own)} not shared), made in "
            f"{time.monotonic() - begun:.0f} s with {readable_size(found.own + found.fetched)} of disk at most"
        )


def _write(selected: list[ImageEntry], context: Path, python: str | None, machine: str, base: str | None) -> None:
    from harness.runners.docker.context import write_context
    from harness.runners.docker.packages import fetch_packages

    if len(selected) != 1:
        raise click.UsageError("--context is for one image: name it")
    assert selected[0].image is not None
    if context.exists() and any(context.iterdir()):
        raise click.UsageError(f"{context} is not empty")
    image = own_image(selected[0].image)
    release = python or image.python
    build_folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=build_folder()) as temporary:
        packages = Path(temporary) / "packages"
        fetch_packages(image, release, machine, packages, click.echo)
        write_context(image, packages, context)
    build_arguments = {
        "BASE": base or f"python:{release}-slim",
        "PYTHON": release,
        "TITLE": image.title,
        "VERSION": image.version,
    }
    arguments = " ".join(f"--build-arg {name}={value}" for name, value in build_arguments.items())
    click.echo(f"docker build {arguments} --tag {image.name} {context}")
