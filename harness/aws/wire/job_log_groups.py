"""CloudWatch Logs for the groups of ``JobLogs``: streams and events are read from the files.

A token is a position (``f/`` next event to read, ``b/`` first event of the page), so it stays valid for ever. As
GetLogEvents in the API reference describes, a forward token at the end returns an empty page and the same token.
"""

from __future__ import annotations

import base64
import binascii
import heapq
import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any

from harness.aws.wire.error_responses import Refusal
from harness.aws.wire.log_filter import Filter
from harness.kernel.expressions import MOST_CHARACTERS, MOST_TEXTS
from harness.stores.log_files import StoredLogs
from harness.stores.logs import LogEvent

MAX_EVENTS = 10_000
MAX_BYTES = 1024 * 1024
EVENT_OVERHEAD = 26
STRETCH = 256
NO_STREAM = "The specified log stream does not exist."


class JobLogGroups:
    """The operations that read and delete job logs, for one account and region."""

    def __init__(self, logs: StoredLogs, account: str, region: str) -> None:
        self._logs = logs
        self._where = (account, region)
        self._arn = f"arn:aws:logs:{region}:{account}:log-group:"

    def has(self, group: str) -> bool:
        return group in self._logs.groups(*self._where)

    def get_log_events(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        group, stream = group_of(parameters), str(parameters.get("logStreamName", ""))
        facts = self._logs.facts(group, stream, *self._where)
        if facts is None:
            raise Refusal(400, "ResourceNotFoundException", NO_STREAM)
        limit = _limit(parameters, MAX_EVENTS)
        low = self._at(group, stream, parameters.get("startTime"), 0)
        high = self._at(group, stream, parameters.get("endTime"), facts.events)
        start, stop = _window(parameters, low, high, limit)
        events = list(self._read(group, stream, start, min(stop, start + limit)))
        dropped = _fit(events, newest=not _forwards(parameters))
        first, after = start + dropped, start + dropped + len(events)
        shown = [{"timestamp": e.timestamp, "message": e.message, "ingestionTime": e.timestamp} for e in events]
        return {"events": shown, "nextForwardToken": _token("f", after), "nextBackwardToken": _token("b", first)}

    def filter_log_events(self, parameters: Mapping[str, Any], matches: Filter) -> dict[str, Any]:
        group = group_of(parameters)
        names = parameters.get("logStreamNames") or self._logs.streams(
            group, *self._where, prefix=parameters.get("logStreamNamePrefix", "")
        )
        for name in names:
            if self._logs.facts(group, name, *self._where) is None:
                raise Refusal(400, "ResourceNotFoundException", NO_STREAM)
        positions = _positions(parameters.get("nextToken"))
        merged = self._merge(group, names, positions, parameters.get("startTime"), parameters.get("endTime"))
        limit, size = _limit(parameters, MAX_EVENTS), 0
        result: list[dict[str, Any]] = []
        for block in _blocks(merged, max(limit, STRETCH)):
            fits = matches([message for *_, message in block])
            for (timestamp, name, position, message), fit in zip(block, fits, strict=True):
                if len(result) >= limit or size > MAX_BYTES:
                    return {"events": result, "searchedLogStreams": [], "nextToken": _pack(positions)}
                positions[name] = position + 1
                if fit:
                    size += len(message) + EVENT_OVERHEAD
                    event = {"logStreamName": name, "timestamp": timestamp, "message": message}
                    result.append({**event, "ingestionTime": timestamp, "eventId": f"{timestamp:014d}{position:042d}"})
        return {"events": result, "searchedLogStreams": []}

    def describe_log_streams(self, parameters: Mapping[str, Any], others: list[dict[str, Any]]) -> dict[str, Any]:
        """Answer DescribeLogStreams. ``others`` are streams that users created in the same group."""
        group, prefix = group_of(parameters), parameters.get("logStreamNamePrefix")
        order = parameters.get("orderBy", "LogStreamName")
        if order not in ("LogStreamName", "LastEventTime"):
            raise Refusal(400, "InvalidParameterException", f"orderBy cannot be {order}")
        if order == "LastEventTime" and prefix:
            text = "Cannot order by LastEventTime with a logStreamNamePrefix."
            raise Refusal(400, "InvalidParameterException", text)
        names = self._logs.streams(group, *self._where, prefix=prefix or "")
        streams = [self._stream(group, name) for name in names]
        streams += [one for one in others if one["logStreamName"].startswith(prefix or "")]
        if order == "LastEventTime":
            streams.sort(key=lambda one: (one.get("lastEventTimestamp", 0), one["logStreamName"]))
        else:
            streams.sort(key=lambda one: one["logStreamName"])
        if parameters.get("descending"):
            streams.reverse()
        start = _positions(parameters.get("nextToken")).get("", 0)
        limit = _limit(parameters, 50)
        answer: dict[str, Any] = {"logStreams": streams[start : start + limit]}
        if start + limit < len(streams):
            answer["nextToken"] = _pack({"": start + limit})
        return answer

    def delete_log_group(self, group: str) -> None:
        self._logs.delete_group(group, *self._where)

    def delete_log_stream(self, group: str, stream: str) -> bool:
        """Delete a stream. Return False if it is not a stream of a job."""
        result = self._logs.facts(group, stream, *self._where) is not None
        if result:
            self._logs.delete_stream(group, stream, *self._where)
        return result

    def has_stream(self, group: str, stream: str) -> bool:
        return self._logs.facts(group, stream, *self._where) is not None

    def _stream(self, group: str, name: str) -> dict[str, Any]:
        facts = self._logs.facts(group, name, *self._where)
        stream: dict[str, Any] = {"logStreamName": name, "arn": f"{self._arn}{group}:log-stream:{name}"}
        if facts is None:  # deleted in the meantime
            return stream
        stream |= {"creationTime": facts.created, "uploadSequenceToken": str(facts.events), "storedBytes": 0}
        if facts.first is not None and facts.last is not None:
            stream |= {"firstEventTimestamp": facts.first, "lastEventTimestamp": facts.last}
            stream |= {"lastIngestionTime": facts.last}
        return stream

    def _at(self, group: str, stream: str, moment: int | None, otherwise: int) -> int:
        return otherwise if moment is None else self._logs.position_at(group, stream, *self._where, timestamp=moment)

    def _read(self, group: str, stream: str, start: int, stop: int) -> Iterator[LogEvent]:
        return itertools.islice(self._logs.read(group, stream, *self._where, start=start), max(stop - start, 0))

    def _merge(
        self, group: str, names: list[str], positions: dict[str, int], start: int | None, end: int | None
    ) -> Iterator[tuple[int, str, int, str]]:
        """Yield time, stream, position and message of the events of several streams, in order of time."""

        def of(name: str) -> Iterator[tuple[int, str, int, str]]:
            position = max(positions.get(name, 0), self._at(group, name, start, 0))
            # Read in blocks, because a group may have more streams than this process may open files.
            while events := list(self._read(group, name, position, position + STRETCH)):
                for event in events:
                    if end is not None and event.timestamp > end:
                        return
                    yield event.timestamp, name, position, event.message
                    position += 1

        return heapq.merge(*(of(name) for name in names))


_Event = tuple[int, str, int, str]


def _blocks(events: Iterator[_Event], most: int) -> Iterator[list[_Event]]:
    """Cut events into blocks for a filter, which costs less for many at once."""
    block: list[_Event] = []
    size = 0
    for event in events:
        block.append(event)
        size += len(event[-1])
        if len(block) >= min(most, MOST_TEXTS) or size >= MOST_CHARACTERS:
            yield block
            block, size = [], 0
    if block:
        yield block


def group_of(parameters: Mapping[str, Any]) -> str:
    """Return the log group that a request names by name or ARN."""
    text = str(parameters.get("logGroupName") or parameters.get("logGroupIdentifier") or "")
    return text.split(":log-group:")[-1].removesuffix(":*") if text.startswith("arn:") else text


def _window(parameters: Mapping[str, Any], low: int, high: int, limit: int) -> tuple[int, int]:
    """Return the first position of the requested page, and the position it ends at."""
    token = parameters.get("nextToken")
    if token is None:
        return (low, high) if parameters.get("startFromHead") else (max(low, high - limit), high)
    kind, _, text = str(token).partition("/")
    if kind not in ("f", "b") or not text.isdigit():
        raise Refusal(400, "InvalidParameterException", "The specified nextToken is invalid.")
    at = int(text)
    if kind == "f":
        # With nothing new, the token itself is the position, even if startTime is later.
        return (max(at, low), high) if max(at, low) < high else (at, at)
    return max(low, at - limit), min(at, high)


def _forwards(parameters: Mapping[str, Any]) -> bool:
    token = parameters.get("nextToken")
    return bool(parameters.get("startFromHead")) if token is None else str(token).startswith("f/")


def _fit(events: list[LogEvent], newest: bool) -> int:
    """Shorten a page to CloudWatch's size, keeping the newest or the oldest. Return how many were cut at the front."""
    size, kept = 0, 0
    for event in reversed(events) if newest else events:
        size += len(event.message.encode()) + EVENT_OVERHEAD
        if size > MAX_BYTES and kept:
            break
        kept += 1
    dropped = len(events) - kept if newest else 0
    events[:] = events[dropped : dropped + kept]
    return dropped


def _limit(parameters: Mapping[str, Any], most: int) -> int:
    limit = int(parameters.get("limit") or most)
    if not 1 <= limit <= most:
        raise Refusal(400, "InvalidParameterException", f"limit must be between 1 and {most}, not {limit}")
    return limit


def _token(kind: str, position: int) -> str:
    return f"{kind}/{position:056d}"


def _pack(positions: Mapping[str, int]) -> str:
    return base64.urlsafe_b64encode(json.dumps(positions).encode()).decode()


def _positions(token: str | None) -> dict[str, int]:
    if token is None:
        return {}
    try:
        result = json.loads(base64.urlsafe_b64decode(token))
        return {str(name): int(position) for name, position in result.items()}
    except (binascii.Error, ValueError, AttributeError) as error:
        raise Refusal(400, "InvalidParameterException", "The specified nextToken is invalid.") from error
