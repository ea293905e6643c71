"""The user's entry point: what kind it is, the packages it needs, its command line, and running it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import threading
from pathlib import Path
from typing import IO, Any

from . import error_capture
from .errors import CommandError, InstallModuleError, InstallRequirementsError
from .logs import log

PROGRAM, PACKAGE, COMMAND = "program", "package", "command"
REQUIREMENTS = "requirements.txt"


def kind_of(code: Path, name: str) -> str:
    """Return the kind of an entry point, in the order in which AWS's toolkit decides."""
    if name.endswith(".sh"):
        return COMMAND
    if (code / "setup.py").exists():
        return PACKAGE
    return PROGRAM if name.endswith(".py") else COMMAND


def install(code: Path, name: str) -> None:
    """Install what the entry point needs; a command installs nothing."""
    kind = kind_of(code, name)
    requirements = ["-r", REQUIREMENTS] if (code / REQUIREMENTS).exists() else []
    if kind == PACKAGE:
        log.info("Installing module.")
        _pip(code, [".", *requirements], InstallModuleError)
    elif kind == PROGRAM and requirements:
        log.info("Installing dependencies from requirements.txt")
        _pip(code, requirements, InstallRequirementsError)
    elif kind == COMMAND:
        path = code / name
        if path.is_file():
            path.chmod(0o777)


def command(code: Path, name: str, arguments: list[str], as_module: bool) -> list[str]:
    """Return the command line; ``as_module`` starts a program by ``-m``, as images of sagemaker-containers do."""
    kind = kind_of(code, name)
    if kind == COMMAND:
        return ["/bin/sh", "-c", " ".join(["./" + name, *(shlex.quote(word) for word in arguments)])]
    if kind == PACKAGE or as_module:
        module = name[: -len(".py")] if name.endswith(".py") else name
        return [sys.executable, "-m", module.replace("/", "."), *arguments]
    return [sys.executable, name, *arguments]


def shown(words: list[str]) -> str:
    """Return a command line as the log and the failure file show it."""
    return '/bin/sh -c "{}"'.format(words[2]) if words[:2] == ["/bin/sh", "-c"] else " ".join(words)


def run(words: list[str], code: Path, variables: dict[str, str], capture: bool) -> None:
    """Run the command in the code folder; raise ``CommandError`` if it fails.

    With ``capture`` its output passes through this process, so that the error can quote it.
    """
    pipe = subprocess.PIPE if capture else None
    process = subprocess.Popen(words, cwd=str(code), env={**os.environ, **variables}, stdout=pipe, stderr=pipe)
    captured: list[str] = []
    readers = [
        threading.Thread(target=_pass_on, args=(source, target, captured))
        for source, target in ((process.stdout, sys.stdout), (process.stderr, sys.stderr))
        if source is not None
    ]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    status = process.wait()
    if status:
        raise CommandError(shown(words), status, error_capture.summary(captured))


def _pass_on(source: IO[bytes], target: Any, captured: list[str]) -> None:
    with source:
        for line in source:
            text = line.decode("utf-8", "replace")
            captured.append(text)
            target.write(text)
            target.flush()


def _pip(code: Path, words: list[str], error: type[CommandError]) -> None:
    line = [sys.executable, "-m", "pip", "install", *words]
    status = subprocess.call(line, cwd=str(code))
    if status:
        raise error(" ".join(line), status)
