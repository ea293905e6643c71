"""From a service of a compose file to the program that stands for its image. Starts nothing."""

from __future__ import annotations

import os
from pathlib import Path

from harness.contract.catalog import HARNESS_ENVIRONMENT, Image, UnknownImage, resolve_image
from harness.contract.container_environment import ContainerEnvironment, platform_environment
from harness.contract.containers import Command
from harness.localmode.docker_cli.compose_file import Service
from harness.localmode.docker_cli.config import DockerCliConfig
from harness.localmode.docker_cli.errors import ImageRefused, UnsupportedCommand
from harness.runners.spec import RunSpec

STOP_GRACE = 10.0
"""Compose's own seconds between SIGTERM and SIGKILL."""
INSTANCE_TYPE = "local"


def run_spec(service: Service, place: DockerCliConfig, root: Path) -> RunSpec:
    """``root`` is an empty folder for what the container writes below ``/opt/ml`` beside its volumes."""
    _check_shared_memory(service)
    where = ContainerEnvironment(place.account, place.region, place.address, root)
    surrounded = RunSpec(
        name=service.label,
        argv=(),
        environment=HARNESS_ENVIRONMENT,
        root=root,
        mounts={path: _made(folder) for path, folder in service.volumes.items()},
        env={**platform_environment(where), **service.environment},
        hostname=service.hostname,
        grace=STOP_GRACE,
        serves=bool(service.ports) or service.command[:1] == ("serve",),
    )
    image = _image(service.image)
    return image.command_spec(surrounded, _command(service, image))


def stand_in(service: Service) -> str:
    """What a container says first where it is not the very release of the AWS image."""
    return _image(service.image).stand_in


def _image(uri: str) -> Image:
    try:
        return resolve_image(uri)
    except UnknownImage as error:
        raise ImageRefused(str(error)) from error


def _command(service: Service, image: Image) -> Command:
    """As Docker has it: an entrypoint that is given drops the image's own ENTRYPOINT and CMD."""
    if service.entrypoint:
        return Command("", INSTANCE_TYPE, service.entrypoint, service.command)
    word, arguments = (service.command[0], service.command[1:]) if service.command else ("", ())
    if not image.has_program(word):
        what = f"no program {word!r}" if word else "no entrypoint of its own"
        raise ImageRefused(f"{image.display_name}, which stands for {service.image}, has {what} here")
    return Command(word, INSTANCE_TYPE, arguments=arguments)


def _made(folder: Path) -> Path:
    """As Docker does: a host folder that is not there is made."""
    if not folder.exists():
        folder.mkdir(parents=True)
    return folder


def _check_shared_memory(service: Service) -> None:
    given = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    if service.shm_bytes > given:
        raise UnsupportedCommand(
            f"shm_size of {service.shm_bytes} bytes is more than half of this machine's memory ({given})"
        )
