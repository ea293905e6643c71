"""Docker Engine's errors, translated into messages with a remedy."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator


class EngineRefusal(Exception):
    """A container cannot be started. The message names the remedy; ``code`` is the exit code of ``docker run``."""

    def __init__(self, message: str, code: int = 125) -> None:
        super().__init__(message)
        self.code = code


OUT_OF_SPACE = (
    "Docker Engine has no space left on its disk: free some (`harness images prune`, `docker system prune`), "
    "or give it a larger one"
)
_ABSENT = (
    "Docker Engine does not answer: start it (Linux: `sudo systemctl start docker`), set DOCKER_HOST to its address, "
    "or run without Docker (--runner process)"
)
_FORBIDDEN = (
    "Docker Engine runs, but this user may not talk to it: add the user to the group docker "
    "(`sudo usermod -aG docker $USER`, then log in again), or run without Docker (--runner process)"
)
_NO_GPU = (
    "the instance type has GPUs, and this engine can give none to a container: install the NVIDIA Container Toolkit "
    "(and a driver), or choose an instance type without GPUs; harness never runs a GPU job on the CPU unasked"
)


_SILENCE = (
    FileNotFoundError,
    ConnectionRefusedError,
    ConnectionResetError,
    BrokenPipeError,
    socket.gaierror,
    TimeoutError,
)


def refusal_of(error: Exception, image: str = "") -> EngineRefusal:
    """Translate an error of the Docker client. ``image`` is given if the error occurred on starting a container."""
    text = str(getattr(error, "explanation", None) or error)
    for cause in _causes(error):
        if isinstance(cause, PermissionError):
            return EngineRefusal(_FORBIDDEN)
        if isinstance(cause, _SILENCE):
            return EngineRefusal(_ABSENT)
        if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:
            return EngineRefusal(OUT_OF_SPACE)
    lowered = text.lower()
    if "permission denied" in lowered and "socket" in lowered:
        return EngineRefusal(_FORBIDDEN)
    if "no space left on device" in lowered:
        return EngineRefusal(OUT_OF_SPACE)
    if "device driver" in lowered and "gpu" in lowered:
        return EngineRefusal(_NO_GPU)
    if image:
        return _explain_failed_start(text, image)
    return EngineRefusal(f"Docker Engine refused: {text}")


def refusal_of_init(output: bytes, image: str) -> EngineRefusal | None:
    """Translate the message of a container's init process (tini) about a missing program; None for other output."""
    match = re.match(rb"\[FATAL tini \(\d+\)\] exec (.*) failed: (.*)\n$", output)
    if match is None:
        return None
    program, why = (part.decode(errors="replace") for part in match.groups())
    return _explain_failed_start(f'exec: "{program}": {why.lower()}', image)


def _explain_failed_start(text: str, image: str) -> EngineRefusal:
    match = re.search(r'exec: "([^"]*)"', text) or re.search(r"exec (\S+?):", text)
    program = repr(match.group(1)) if match else "the program it should start"
    if "executable file not found" in text or "no such file or directory" in text:
        return EngineRefusal(
            f"image {image} has no {program}: give it an ENTRYPOINT, or a program of that name on PATH", 127
        )
    if "permission denied" in text and match:
        return EngineRefusal(f"image {image}: {program} is not executable", 126)
    if "No command specified" in text:
        return EngineRefusal(
            f"image {image} has neither ENTRYPOINT nor CMD, and the job names no ContainerEntrypoint", 127
        )
    return EngineRefusal(f"Docker Engine did not start image {image}: {text}")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Yield the error and its causes. The client wraps socket errors several times, partly as arguments."""
    seen: set[int] = set()
    todo: list[BaseException] = [error]
    while todo:
        cause = todo.pop()
        if id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        behind = (cause.__cause__, cause.__context__, *cause.args)
        todo += [each for each in behind if isinstance(each, BaseException)]
        todo += [
            each for part in cause.args if isinstance(part, tuple) for each in part if isinstance(each, BaseException)
        ]
