"""Append-only lists: only what is new is written, and what was cut off is forgotten."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from moto.logs.models import LogEvent

from harness.aws.moto.saved_state.growing_lists import NOTHING
from tests.aws.moto.serving import serve


class Element:
    pass


@pytest.mark.parametrize(
    ("cut", "added", "expected"),
    [(0, 0, (0, 5)), (0, 2, (0, 7)), (3, 0, (3, 2)), (3, 4, (3, 6)), (4, 9, (4, 10)), (5, 3, (0, 3)), (5, 0, (0, 0))],
)
def test_a_list_that_is_cut_and_grows(cut: int, added: int, expected: tuple[int, int]) -> None:
    values: list[Any] = [Element() for _ in range(5)]
    tail = NOTHING.followed_by(values)
    assert tail.is_all_of(values)
    values = [*values[cut:], *(Element() for _ in range(added))]
    after = tail.followed_by(values)
    assert (after.start, after.size) == expected
    assert tail.is_kept_in(values) is (cut < 5)
    assert tail.is_all_of(values) is (cut + added == 0)
    assert after.is_all_of(values)


def test_rows_of_events_are_added_cut_and_replaced(tmp_path: Path) -> None:
    with serve(tmp_path) as served:
        from moto.logs.models import logs_backends

        logs = served.client("logs")
        logs.create_log_group(logGroupName="/mine")
        logs.create_log_stream(logGroupName="/mine", logStreamName="s")
        stream = logs_backends["123456789012"]["us-east-1"].groups["/mine"].streams["s"]

        def save(first: int, last: int) -> None:
            stream.events += [LogEvent(0, {"timestamp": n, "message": str(n)}) for n in range(first, last)]
            logs.put_retention_policy(logGroupName="/mine", retentionInDays=7)

        def pieces() -> list[tuple[int, list[int]]]:
            with closing(sqlite3.connect(tmp_path / "aws" / "services.sqlite")) as db:
                rows = db.execute("SELECT first, document FROM entry ORDER BY first").fetchall()
            return [(first, [event["timestamp"] for event in json.loads(document)]) for first, document in rows]

        save(0, 4)
        save(4, 6)
        assert pieces() == [(0, [0, 1, 2, 3]), (4, [4, 5])]
        del stream.events[:2]
        save(6, 8)
        assert pieces() == [(2, [2, 3]), (4, [4, 5]), (6, [6, 7])]
        del stream.events[:2]
        save(8, 8)
        assert pieces() == [(4, [4, 5]), (6, [6, 7])]
    with serve(tmp_path) as served:
        logs = served.client("logs")
        logs.describe_log_groups()  # loads moto
        stream = logs_backends["123456789012"]["us-east-1"].groups["/mine"].streams["s"]
        assert [event.timestamp for event in stream.events] == [4, 5, 6, 7]
        save(8, 9)
        assert pieces() == [(4, [4, 5]), (6, [6, 7]), (8, [8])]
        stream.events = []
        save(20, 22)
        assert pieces() == [(0, [20, 21])]
