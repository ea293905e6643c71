"""The container engine, by the command line that local mode itself uses: images by AWS URI, logs, clean-up."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from harness.contract.catalog import UnknownImage, resolve_image
from harness.kernel.job_files import has_foreign_files

RUN_LABEL, STATE_LABEL, JOB_LABEL = "harness.run", "harness.state", "harness.job"
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


class EngineFailed(Exception):
    """The docker command failed; what it said."""


class ContainerEngine:
    """``labels`` are on every container of this run; ``images`` maps AWS image URIs to the user's own images."""

    def __init__(self, labels: Mapping[str, str], images: Mapping[str, str]) -> None:
        self.labels = dict(labels)
        self._images = images

    def resolve(self, uri: str) -> str:
        """What local mode is given for an AWS URI: the user's own image, the very image, or ours for it.

        Only by that name: the SDK asks ECR for images of AWS names that the engine has not.
        """
        mapped = self._mapped(uri)
        if mapped or has_image(uri):
            found = mapped or uri
        else:
            try:
                found = resolve_image(uri).docker_name
            except UnknownImage as error:
                raise EngineFailed(f"no image {uri} in the engine; build or pull it, or: {error}") from error
        if not has_image(found):
            remedy = "[images] of harness.toml names it" if mapped else "`harness images build` makes ours"
            raise EngineFailed(f"no image {found} in the engine to stand for {uri}; {remedy}")
        return found

    def _mapped(self, uri: str) -> str:
        """By whole URI, by repository:tag, by repository: the nearest name wins."""
        repository = uri.rsplit("/", 1)[-1]
        names = (uri, repository, repository.partition(":")[0])
        return next((self._images[name] for name in names if name in self._images), "")

    def containers(self, job: str = "") -> list[str]:
        """Of this run, or of one job of it; running or not."""
        wanted = {**self.labels, **({JOB_LABEL: job} if job else {})}
        return containers_with(wanted)

    def log_lines(self, container: str) -> list[tuple[float, str]]:
        """``(seconds since the epoch, line)``, control characters escaped as CloudWatch shows them."""
        lines = docker("logs", "--timestamps", container, both=True).splitlines()
        return [_dated(line) for line in lines if line]

    def exit_code(self, container: str) -> int:
        return int(docker("inspect", "--format", "{{.State.ExitCode}}", container))

    def states(self, job: str) -> list[str]:
        """Of its containers: "created", "running", "exited"…"""
        template = ("--format", "{{.State}}")
        wanted = {**self.labels, JOB_LABEL: job}
        return docker("ps", "--all", *template, *_filters(wanted)).split()

    def give_back(self, folder: Path, image: str) -> None:
        """What containers wrote as root becomes the user's, by a container of the same image."""
        if os.getuid() == 0 or not has_foreign_files(folder, os.getuid()):
            return
        owner = f"{os.getuid()}:{os.getgid()}"
        mount = f"type=bind,source={folder},target=/harness-given"
        run = ("run", "--rm", "--network", "none", "--user", "0:0", "--entrypoint", "chown", "--mount", mount)
        labels = [part for name, value in self.labels.items() for part in ("--label", f"{name}={value}")]
        docker(*run, *labels, image, "-hR", owner, "/harness-given")


def docker(*arguments: str, both: bool = False) -> str:
    """Its output, with what it wrote to stderr when ``both``; ``EngineFailed`` when it fails."""
    where = subprocess.STDOUT if both else subprocess.PIPE
    try:
        done = subprocess.run(["docker", *arguments], stdout=subprocess.PIPE, stderr=where, check=False)
    except FileNotFoundError as error:
        raise EngineFailed("local mode needs the docker command; it is not on the PATH") from error
    told = done.stdout.decode("utf-8", "replace")
    if done.returncode != 0:
        said = (done.stderr or done.stdout or b"").decode("utf-8", "replace").strip()
        raise EngineFailed(f"docker {arguments[0]}: {said or f'exit code {done.returncode}'}")
    return told


def has_image(name: str) -> bool:
    try:
        docker("image", "inspect", "--format", "{{.Id}}", name)
    except EngineFailed as error:
        if "No such image" in str(error):
            return False
        raise
    return True


def containers_with(labels: Mapping[str, str]) -> list[str]:
    return docker("ps", "--all", "--quiet", "--no-trunc", *_filters(labels)).split()


def _filters(labels: Mapping[str, str]) -> list[str]:
    return [part for name, value in labels.items() for part in ("--filter", f"label={name}={value}")]


def remove(containers: Sequence[str]) -> None:
    """Stopped or not; one that went meanwhile is no matter."""
    for container in containers:
        try:
            docker("rm", "--force", "--volumes", container)
        except EngineFailed as error:
            if "No such container" not in str(error) and "already in progress" not in str(error):
                raise


def labels_of(container: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(docker("inspect", "--format", "{{json .Config.Labels}}", container)) or {}
    return found


def _dated(line: str) -> tuple[float, str]:
    stamp, _, text = line.partition(" ")  # 2026-01-02T03:04:05.123456789Z
    second = datetime.strptime(f"{stamp[:19]}+0000", "%Y-%m-%dT%H:%M:%S%z")
    moment = second.timestamp() + float(f"0{stamp[19:-1]}")
    return moment, CONTROL.sub(lambda found: f"#{ord(found[0]):03o}", text.rstrip("\r"))
