"""``JobLogs``: the output of jobs and servers on disk, by CloudWatch group and stream.

The files are the truth; CloudWatch Logs answers from them and ``harness logs`` reads them. One line of a file is one
event. Appending is O(1); a position is a number of events and stays valid for ever, which is what forward tokens need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class LogEvent:
    timestamp: int
    """Milliseconds since the epoch."""
    message: str


class LogWriter(Protocol):
    """Writes one stream. ``write`` takes raw chunks of output and cuts them into lines; thread-safe."""

    def write(self, chunk: bytes) -> None: ...

    def line(self, text: str) -> None:
        """One line of the harness's own, after what was written so far."""

    def on_line(self, listener: Callable[[LogEvent], None]) -> None:
        """Be told of every complete line from now on (metric regexes listen here)."""

    def tail(self, lines: int = 20) -> list[str]: ...

    def close(self) -> None:
        """Flush; an unfinished last line becomes an event."""


class JobLogs(Protocol):
    def open(self, group: str, stream: str, account: str, region: str) -> LogWriter:
        """Create the stream (and group) or append to it."""

    def ensure_group(self, group: str, account: str, region: str) -> None: ...

    def streams(self, group: str, account: str, region: str, prefix: str = "") -> list[str]: ...

    def read(self, group: str, stream: str, account: str, region: str, start: int = 0) -> Iterator[LogEvent]:
        """Events from position ``start``; nothing when the stream does not exist."""

    def delete_stream(self, group: str, stream: str, account: str, region: str) -> None: ...

    def delete_group(self, group: str, account: str, region: str) -> None: ...
