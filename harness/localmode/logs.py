"""What containers printed, put where AWS has it: CloudWatch Logs, through boto3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

LogLines = list[tuple[float, str]]
MAX_EVENTS, MAX_BYTES, EVENT_OVERHEAD = 10_000, 1_000_000, 26
"""CloudWatch's limits of one call, with what it counts for each event."""


def put_log(client: Any, group: str, stream: str, lines: LogLines) -> None:
    for create, names in (
        (client.create_log_group, {"logGroupName": group}),
        (client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
    ):
        try:
            create(**names)
        except client.exceptions.ResourceAlreadyExistsException:
            continue
    for events in _batches(lines):
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def _batches(lines: LogLines) -> Iterator[list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []
    size = 0
    for moment, text in lines:
        weight = len(text.encode()) + EVENT_OVERHEAD
        if events and (len(events) >= MAX_EVENTS or size + weight > MAX_BYTES):
            yield events
            events, size = [], 0
        events.append({"timestamp": int(moment * 1000), "message": text or " "})
        size += weight
    if events:
        yield events
