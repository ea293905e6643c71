"""``JobLogs``: the interface to the output of jobs and servers, by CloudWatch group and stream.

CloudWatch Logs and ``harness logs`` read the files that hold the output. One line of a file is one event. Appending is
O(1). A position is a number of events and stays valid for ever, as the forward tokens of GetLogEvents must.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class LogEvent:
    timestamp: int
    """The time in milliseconds since the epoch."""
    message: str


class LogWriter(Protocol):
    """Writes one stream. ``write`` accepts chunks of output and cuts them into lines. Thread-safe."""

    def write(self, chunk: bytes) -> None: ...

    def line(self, text: str) -> None:
        """Append one line of harness itself."""

    def on_line(self, listener: Callable[[LogEvent], None]) -> None:
        """Call ``listener`` for every complete line from now on. Metric regexes use this."""

    def tail(self, lines: int = 20) -> list[str]: ...

    def close(self) -> None:
        """Write an unfinished last line as an event, and close the stream."""


class JobLogs(Protocol):
    def open(self, group: str, stream: str, account: str, region: str) -> LogWriter:
        """Open a stream to append to it. Create it and its group if they do not exist."""

    def ensure_group(self, group: str, account: str, region: str) -> None: ...

    def streams(self, group: str, account: str, region: str, prefix: str = "") -> list[str]: ...

    def read(self, group: str, stream: str, account: str, region: str, start: int = 0) -> Iterator[LogEvent]:
        """Yield the events from position ``start``; none if the stream does not exist."""

    def delete_stream(self, group: str, stream: str, account: str, region: str) -> None: ...

    def delete_group(self, group: str, account: str, region: str) -> None: ...
