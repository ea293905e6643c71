"""Starts containers with the SageMaker SDK's own local mode: one for each folder named on standard input.

A folder holds ``document.json``; the container's Compose command runs in a fork, since importing the SDK takes
seconds. Its output goes to ``log``, its process id to ``pid``, and ``ended`` is there once it has ended.

Stands alone: it runs in an interpreter that has an SDK (v2 or v3), which need not have this package.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

os.environ |= {
    "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
    "AWS_EC2_METADATA_DISABLED": "true",  # boto3 would look for credentials there
    "USE_SHORT_LIVED_CREDENTIALS": "1",  # and the SDK would compare those of the job with what it found
}

import boto3
import yaml

try:
    from sagemaker.core.local import LocalSession  # v3
    from sagemaker.core.local.image import DOCKER_COMPOSE_FILENAME, _SageMakerContainer, _stream_output, _Volume
except ModuleNotFoundError:
    from sagemaker.local import LocalSession  # v2
    from sagemaker.local.image import DOCKER_COMPOSE_FILENAME, _SageMakerContainer, _stream_output, _Volume

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
COMMANDS = (["train"], ["serve"])


class Container(_SageMakerContainer):  # type: ignore[misc]
    """The SDK's container, with the folders, the host name and the network that the emulator has for it."""

    def __init__(self, document: dict[str, Any], folder: Path, session: Any) -> None:
        self.document = document
        entrypoint = document["entrypoint"]
        arguments = document["arguments"]
        own = None if entrypoint is None else _plain(arguments)
        super().__init__(document["instance_type"], 1, document["image"], session, _plain(entrypoint), own)
        self.hosts = [document["host"]]
        self.container_root = str(folder)

    def start(self) -> Any:
        """Return the running Compose command."""
        given, environment = self.document["environment"], {}
        signed = self.sagemaker_session.boto_session.get_credentials() is not None
        for name, value in given.items():
            if not (signed and name in KEYS):  # the SDK adds those of its session
                environment[name] = value.replace("$", "$$")
        volumes = [_Volume(source, target) for target, source in self.document["volumes"].items()]
        self._generate_compose_file(self._command(), additional_volumes=volumes, additional_env_vars=environment)
        return subprocess.Popen(self._compose(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def _command(self) -> str:
        arguments = self.document["arguments"]
        if self.document["entrypoint"] is None and arguments in COMMANDS:
            return str(arguments[0])
        return "process"

    def _build_optml_volumes(self, host: str, subdirs: Any) -> list[Any]:
        """Return none: the emulator has made the folders below /opt/ml and names each as a volume."""
        return []

    def _create_docker_host(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        config: dict[str, Any] = super()._create_docker_host(*arguments, **options)
        document = self.document
        if document["entrypoint"] is None and self._command() == "process" and document["arguments"]:
            config["command"] = _plain(document["arguments"])  # the SDK has a word for arguments of its own only
        # A job's output is no terminal on SageMaker, and a server is reached in its network.
        config |= {"tty": False, "stdin_open": False}
        config.pop("ports", None)
        del config["networks"]
        if document["network"] is None:
            return {**config, "network_mode": "none"}
        return {**config, "networks": {"job": document["network"]["member"]}}

    def _generate_compose_file(self, *arguments: Any, **options: Any) -> dict[str, Any]:
        content: dict[str, Any] = super()._generate_compose_file(*arguments, **options)
        network = self.document["network"]
        content["networks"] = {"job": {"external": {"name": network["name"]}}} if network else {}
        file = Path(self.container_root) / DOCKER_COMPOSE_FILENAME
        file.write_text(yaml.safe_dump(content))
        return content


def _plain(words: list[str] | None) -> list[str] | None:
    """Words in which Compose fills in no variables."""
    return None if words is None else [word.replace("$", "$$") for word in words]


def start(folder: Path) -> None:
    """Run one container to its end."""
    document = json.loads((folder / "document.json").read_text(encoding="utf-8"))
    os.environ["COMPOSE_PROJECT_NAME"] = document["project"]
    given = document["environment"]
    region = given.get("AWS_REGION") or given.get("AWS_DEFAULT_REGION") or "us-east-1"
    session = LocalSession(boto3.Session(*(given.get(key) for key in KEYS), region_name=region))
    session.config = {"local": {"local_code": False, "container_config": document["container_config"]}}
    try:
        _stream_output(Container(document, folder, session).start())
    except RuntimeError as error:  # its container failed, or none could be made: the emulator looks which
        print(error)


def fork(folder: Path) -> None:
    if os.fork():
        return
    try:
        os.setsid()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        output = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        for number in (1, 2):
            os.dup2(output, number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        (folder / "pid").write_text(str(os.getpid()))
        start(folder)
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        (folder / "ended").touch()
        os._exit(0)


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the emulator's business
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel takes forks that ended
    while line := sys.stdin.readline():
        fork(Path(line.rstrip("\n")))


if __name__ == "__main__":
    main()
