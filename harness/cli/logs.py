"""``harness logs``: prints the log of a job or an endpoint, from a running emulator or else the state folder."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import click

from harness.cli.project import settings, state_option, target
from harness.clients.emulator_process import find
from harness.kernel.errors import StateError
from harness.kernel.kinds import KINDS, RUN_JOBS, ResourceKind

POLL = 0.25


@click.command("logs")
@click.argument("name", metavar="JOB")
@click.option("-f", "--follow", is_flag=True, help="Go on until the job ends (Ctrl-C to stop).")
@state_option
def command(name: str, follow: bool, state: Path | None) -> None:
    """Print the log of a job or an endpoint.

    Logs stay in the state folder: those of earlier runs are printed without an emulator.
    """
    from harness.clients.boto3_clients import client

    folder = settings(state=state).state
    emulator = find(folder)
    if emulator is None:
        for message in _read_kept_logs(folder / "logs", name):
            click.echo(message)
        return
    clients = target(emulator)
    sagemaker, logs = client(clients, "sagemaker"), client(clients, "logs")
    group, prefix, ended = _find(sagemaker, name)
    for message in _messages(logs, group, prefix, ended, follow):
        click.echo(message)


def _find(sagemaker: Any, name: str) -> tuple[str, str, Callable[[], bool]]:
    """Log group, stream prefix, and whether more is to come. Names are unique within a kind only; the first wins."""
    from botocore.exceptions import ClientError

    for kind in RUN_JOBS:
        describe = getattr(sagemaker, kind.method("Describe"))
        try:
            describe(**{kind.name_member: name})
        except ClientError:
            continue
        return kind.log_group, kind.stream_prefix(name), partial(_has_ended, describe, kind, name)
    try:
        sagemaker.describe_endpoint(EndpointName=name)
    except ClientError as error:
        raise StateError(f"there is no job or endpoint named {name!r}", f"{_list_known_names(sagemaker)}") from error
    return KINDS["Endpoint"].group_of(name), "", lambda: False


def _has_ended(describe: Callable[..., Any], kind: ResourceKind, name: str) -> bool:
    status = describe(**{kind.name_member: name})[kind.status_member]
    return kind.lifecycle is not None and status in kind.lifecycle.final


def _read_kept_logs(folder: Path, name: str) -> Iterator[str]:
    """The messages of a job or an endpoint in log files that an earlier emulator left."""
    from harness.stores.log_files import LogFiles

    logs = LogFiles(folder)
    places = logs.stream_keys()
    streams = [stream for stream in places if stream.stream.startswith(f"{name}/") or stream.group.endswith(f"/{name}")]
    if not streams:
        latest = list(dict.fromkeys(stream.stream.partition("/")[0] for stream in places))
        hint = f"logs are kept of {', '.join(latest[:3])}" if latest else "no logs are kept there"
        raise StateError(f"there is no log of a job or endpoint named {name!r} in {folder}", hint)
    for stream in reversed(streams):
        yield from (event.message for event in logs.read(stream.group, stream.stream, stream.account, stream.region))


def _list_known_names(sagemaker: Any) -> str:
    names = [job["TrainingJobName"] for job in sagemaker.list_training_jobs(MaxResults=3)["TrainingJobSummaries"]]
    names += [
        job["ProcessingJobName"] for job in sagemaker.list_processing_jobs(MaxResults=3)["ProcessingJobSummaries"]
    ]
    return f"the latest are {', '.join(names)}" if names else "nothing has run yet"


def _messages(logs: Any, group: str, prefix: str, ended: Callable[[], bool], follow: bool) -> Iterator[str]:
    """Every stream of the job from its beginning; a stream's token is where its reading goes on."""
    tokens: dict[str, str] = {}
    while True:
        # Asked before reading: what is written up to the end is then still read.
        last = not follow or ended()
        for stream in _streams(logs, group, prefix):
            yield from _page(logs, group, stream, tokens)
        if last:
            return
        time.sleep(POLL)


def _streams(logs: Any, group: str, prefix: str) -> list[str]:
    request = {"logGroupName": group, **({"logStreamNamePrefix": prefix} if prefix else {})}
    try:
        pages = logs.get_paginator("describe_log_streams").paginate(**request)
        return [stream["logStreamName"] for page in pages for stream in page["logStreams"]]
    except logs.exceptions.ResourceNotFoundException:
        return []


def _page(logs: Any, group: str, stream: str, tokens: dict[str, str]) -> Iterator[str]:
    while True:
        position = {"nextToken": tokens[stream]} if stream in tokens else {}
        page = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True, **position)
        tokens[stream] = page["nextForwardToken"]
        if not page["events"]:
            return
        yield from (event["message"] for event in page["events"])
