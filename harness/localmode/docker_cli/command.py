"""The command line of ``docker`` as far as the SDKs' local mode uses it. Anything else is refused with an error."""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from harness.localmode.docker_cli.config import VARIABLE, DockerCliConfig
from harness.localmode.docker_cli.errors import ImageRefused, UnsupportedCommand

_COMPOSE_VERSION = "Docker Compose version v2.0.0 (harness: containers are host processes)"
_UP_OPTIONS = ("--build", "--abort-on-container-exit")

_Answer = Callable[[Sequence[str]], int]


def main(name: str, arguments: Sequence[str]) -> NoReturn:
    words = ["compose", *arguments] if name == "docker-compose" else list(arguments)
    try:
        code = _answer(words)
    except UnsupportedCommand as refused:
        # The SDK does not show what compose writes to stderr.
        stream = sys.stdout if words[:1] == ["compose"] else sys.stderr
        print(f"harness: {refused}", file=stream, flush=True)
        code = refused.code
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _answer(words: Sequence[str]) -> int:
    for prefix, answer in _COMMANDS.items():
        if tuple(words[: len(prefix)]) == prefix:
            return answer(words[len(prefix) :])
    known = ", ".join(sorted("docker " + " ".join(prefix) for prefix in _COMMANDS))
    raise _unknown(["docker", *words], f"it knows: {known}")


def _unknown(words: Sequence[str], known: str) -> UnsupportedCommand:
    return UnsupportedCommand(f"local mode without Docker does not understand {' '.join(words)!r}; {known}")


def _exactly(arguments: Sequence[str], expected: Sequence[str], prefix: str) -> None:
    if list(arguments) != list(expected):
        raise _unknown(["docker", prefix, *arguments], f"it knows: {' '.join(['docker', prefix, *expected])}")


def _compose_version(arguments: Sequence[str]) -> int:
    _exactly(arguments, [], "compose version")
    print(_COMPOSE_VERSION)
    return 0


def _compose_up(arguments: Sequence[str]) -> int:
    shape = "docker compose -f FILE up [--build] --abort-on-container-exit"
    if len(arguments) < 2 or arguments[1] != "up":
        raise _unknown(["docker", "compose", "-f", *arguments], f"it knows: {shape}")
    options = arguments[2:]
    if "--detach" in options or "-d" in options:
        raise UnsupportedCommand(
            "local mode without Docker cannot detach: its containers live as long as the call that started them; "
            "wait for the job (wait=True)"
        )
    for option in options:
        if option not in _UP_OPTIONS:
            raise _unknown(["docker", "compose", "up", option], f"it knows: {shape}")
    from harness.localmode.docker_cli.up import up

    return up(Path(arguments[0]), _read_config())


def _images(arguments: Sequence[str]) -> int:
    """Print the id of an image that can run here; for any other print nothing, as Docker does."""
    if len(arguments) != 2 or arguments[0] not in ("-q", "--quiet"):
        raise _unknown(["docker", "images", *arguments], "it knows: docker images -q IMAGE")
    from harness.contract.catalog import UnknownImage, resolve_image

    try:
        title = resolve_image(arguments[1]).display_name
    except UnknownImage:
        return 0
    print(hashlib.sha256(title.encode()).hexdigest()[:12])
    return 0


def _pull(arguments: Sequence[str]) -> int:
    if len(arguments) != 1 or arguments[0].startswith("-"):
        raise _unknown(["docker", "pull", *arguments], "it knows: docker pull IMAGE")
    from harness.contract.catalog import UnknownImage, resolve_image

    try:
        image = resolve_image(arguments[0])
    except UnknownImage as error:
        raise ImageRefused(str(error)) from error
    print(f"{arguments[0]}: {image.display_name} of harness is used for it")
    return 0


def _login(arguments: Sequence[str]) -> int:
    """Accept any login: the registries are the emulator's, which accepts every password that its ECR issued."""
    match arguments:
        case [registry, "-u", "AWS", "--password-stdin"] if not registry.startswith("-"):
            sys.stdin.buffer.read()
        case ["-u", "AWS", "-p", _, registry] if not registry.startswith("-"):
            pass
        case _:
            # The message does not repeat the command: it may contain a password.
            raise UnsupportedCommand(
                "local mode without Docker does not understand this 'docker login'; it knows: "
                "docker login REGISTRY -u AWS --password-stdin, docker login -u AWS -p PASSWORD REGISTRY"
            )
    print("Login Succeeded")
    return 0


def _context_inspect(arguments: Sequence[str]) -> int:
    """Print a context without the address of a daemon, so that the SDKs use localhost for published ports."""
    _exactly(arguments, [], "context inspect")
    print(json.dumps([{"Name": "harness", "Endpoints": {"docker": {"Host": ""}}}]))
    return 0


def _info(arguments: Sequence[str]) -> int:
    _exactly(arguments, [], "info")
    config = _read_config()
    print(f"Server:\n Server Version: harness\n Operating Mode: host processes\n Emulator: {config.address}")
    return 0


def _read_config() -> DockerCliConfig:
    if VARIABLE not in os.environ:
        raise UnsupportedCommand(f"{VARIABLE} is not set: run this command with `harness exec --local-mode`")
    return DockerCliConfig.from_environment(os.environ)


_COMMANDS: dict[tuple[str, ...], _Answer] = {
    ("compose", "version"): _compose_version,
    ("compose", "-f"): _compose_up,
    ("context", "inspect"): _context_inspect,
    ("images",): _images,
    ("info",): _info,
    ("login",): _login,
    ("pull",): _pull,
}
