"""Job logs on a LocalStack: answered from the emulator's files, and copied to LocalStack's own CloudWatch Logs.

The copies, which are made a moment later, are for clients that use LocalStack directly.
"""

from __future__ import annotations

import itertools
import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from multidict import CIMultiDict

from harness.aws.remote.clients import Clients
from harness.aws.wire.job_log_groups import EVENT_OVERHEAD, JobLogGroups
from harness.aws.wire.job_log_requests import answer_for_jobs
from harness.kernel.http import Response
from harness.stores.log_files import StoredLogs
from harness.stores.logs import LogEvent, LogWriter

BATCH_EVENTS = 5_000
BATCH_BYTES = 900_000
GATHER_SECONDS = 0.3
RETRY_SECONDS = 5.0
LAST_SECONDS = 5.0

Stream = tuple[str, str, str, str]
"""The group, stream, account and region of a log stream."""
logger = logging.getLogger(__name__)


class JobLogCopies:
    """Copies the logs of jobs on a thread. It remembers positions only, so a slow LocalStack does not use memory."""

    def __init__(self, logs: StoredLogs, clients: Callable[[], Clients]) -> None:
        self._logs = logs
        self._clients = clients
        self._positions: dict[Stream, int] = {}
        self._made: set[tuple[str, ...]] = set()
        self._dirty: set[Stream] = set()
        self._lock = threading.Lock()
        self._copying = threading.Lock()
        self._wake = threading.Event()
        self._closing = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="log-copies", daemon=True)

    def start(self) -> None:
        self._logs.on_open(self._on_open)
        self._thread.start()

    def answer(self, operation: str, parameters: dict[str, Any], account: str, region: str) -> Response | None:
        """Answer a request about job logs.

        Return None if LocalStack must answer; the groups of jobs then exist there.
        """
        groups = JobLogGroups(self._logs, account, region)
        for group in self._logs.groups(account, region):
            self._ensure_group(group, account, region)
        answer = answer_for_jobs(operation, parameters, groups, lambda group: self._others(group, account, region))
        if operation == "DeleteLogGroup":
            self._forget_group(str(parameters.get("logGroupName")), account, region)
        if answer is None:
            return None
        if operation == "DeleteLogStream":
            self._delete_stream(parameters, account, region)
        headers = CIMultiDict({"Content-Type": "application/x-amz-json-1.1"})
        return Response(200, headers, json.dumps(answer, default=str).encode())

    def groups(self) -> set[tuple[str, str, str]]:
        """Return group, account and region of the copied logs."""
        with self._lock:
            return {(group, account, region) for group, _, account, region in self._positions}

    def forget(self) -> None:
        with self._copying, self._lock:
            self._positions.clear()
            self._made.clear()
            self._dirty.clear()

    def close(self, finish: bool) -> None:
        """Stop copying. With ``finish``, first copy what is left, for a LocalStack that goes on running."""
        self._closing.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        deadline = time.monotonic() + LAST_SECONDS
        while finish and self._dirty and not self._failing and time.monotonic() < deadline:
            self._copy_all()

    def _on_open(self, group: str, stream: str, account: str, region: str, writer: LogWriter) -> None:
        key = (group, stream, account, region)
        facts = self._logs.facts(*key)
        with self._lock:
            self._positions.setdefault(key, facts.events if facts else 0)
        writer.on_line(lambda _: self._on_change(key))
        self._on_change(key)

    def _on_change(self, key: Stream) -> None:
        self._dirty.add(key)
        self._wake.set()

    def _run(self) -> None:
        while not self._closing.is_set():
            self._wake.wait()
            self._wake.clear()
            if not self._closing.wait(RETRY_SECONDS if self._failing else GATHER_SECONDS):
                self._copy_all()

    def _copy_all(self) -> None:
        for key in list(self._dirty):
            self._dirty.discard(key)
            try:
                with self._copying:
                    more = self._copy(key)
                self._failing = False
            except Exception as error:
                more = True
                if not self._failing:
                    logger.warning("Job logs are not copied to LocalStack for now: %s", error)
                self._failing = True
            if more:
                self._on_change(key)
            if self._failing:
                return

    def _copy(self, key: Stream) -> bool:
        """Copy one batch. Return True if there is more."""
        group, _, account, region = key
        with self._lock:
            start = self._positions.get(key)
        if start is None or self._logs.facts(*key) is None:
            return False  # deleted
        client = self._clients().get("logs", account, region)
        batch = _batch(list(itertools.islice(self._logs.read(*key, start=start), BATCH_EVENTS)))
        shown = [{"timestamp": event.timestamp, "message": event.message} for event in batch if event.message]
        try:
            self._put(client, key, shown)
        except client.exceptions.ResourceNotFoundException:
            # The stream was deleted in LocalStack, or LocalStack was restarted.
            self._made -= {made for made in self._made if (made[0], *made[-2:]) == (group, account, region)}
            self._put(client, key, shown)
        with self._lock:
            self._positions[key] = start + len(batch)
        return bool(batch)

    def _put(self, client: Any, key: Stream, events: list[dict[str, Any]]) -> None:
        group, stream, account, region = key
        self._ensure_group(group, account, region)
        if key not in self._made:
            _unless_there(client, client.create_log_stream, logGroupName=group, logStreamName=stream)
            self._made.add(key)
        if events:
            client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)

    def _ensure_group(self, group: str, account: str, region: str) -> None:
        if (group, account, region) not in self._made:
            client = self._clients().get("logs", account, region)
            _unless_there(client, client.create_log_group, logGroupName=group)
            self._made.add((group, account, region))

    def _forget_group(self, group: str, account: str, region: str) -> None:
        with self._copying, self._lock:
            gone = [key for key in self._positions if (key[0], *key[2:]) == (group, account, region)]
            for key in gone:
                del self._positions[key]
            self._made -= {(group, account, region), *gone}

    def _delete_stream(self, parameters: dict[str, Any], account: str, region: str) -> None:
        group, stream = str(parameters.get("logGroupName")), str(parameters.get("logStreamName"))
        client = self._clients().get("logs", account, region)
        with self._copying:
            with self._lock:
                self._positions.pop((group, stream, account, region), None)
                self._made.discard((group, stream, account, region))
            try:
                client.delete_log_stream(logGroupName=group, logStreamName=stream)
            except client.exceptions.ResourceNotFoundException:
                return  # never copied

    def _others(self, group: str, account: str, region: str) -> list[dict[str, Any]]:
        """Return the streams that users created in a group of jobs."""
        client = self._clients().get("logs", account, region)
        pages = client.get_paginator("describe_log_streams")
        ours = set(self._logs.streams(group, account, region))
        try:
            streams = [stream for page in pages.paginate(logGroupName=group) for stream in page["logStreams"]]
        except client.exceptions.ResourceNotFoundException:
            return []  # the group was deleted in LocalStack
        return [stream for stream in streams if stream["logStreamName"] not in ours]


def _batch(events: list[LogEvent]) -> list[LogEvent]:
    """Return as many events as one request may carry, at least one."""
    size = 0
    for number, event in enumerate(events):
        size += len(event.message.encode()) + EVENT_OVERHEAD
        if size > BATCH_BYTES and number:
            return events[:number]
    return events


def _unless_there(client: Any, create: Callable[..., Any], **parameters: str) -> None:
    try:
        create(**parameters)
    except client.exceptions.ResourceAlreadyExistsException:
        return
