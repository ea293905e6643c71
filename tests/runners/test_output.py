"""Output reaches its receiver in order; one that is slow, stuck or broken costs neither memory nor the program."""

from __future__ import annotations

import threading

from harness.runners.process import output
from harness.runners.process.output import Drain
from tests.runners.conftest import eventually


def test_slow_receiver_gets_everything_in_order() -> None:
    taken: list[bytes] = []
    drain = Drain(taken.append, lambda: None)
    for number in range(1000):
        drain.put(b"%d\n" % number)
    drain.close()
    assert b"".join(taken) == b"".join(b"%d\n" % number for number in range(1000))


def test_full_drain_asks_for_patience_and_tells_when_there_is_room() -> None:
    go_on, told = threading.Event(), threading.Event()
    drain = Drain(lambda chunk: go_on.wait(10) and None, told.set)
    drain.put(b"x" * output.ROOM)
    assert not drain.has_room()
    go_on.set()
    assert told.wait(10)
    assert drain.has_room()
    drain.close()


def test_stuck_receiver_loses_output_and_is_told_how_much() -> None:
    go_on, taken = threading.Event(), []

    def take(chunk: bytes) -> None:
        go_on.wait(20)
        taken.append(chunk)

    drain = Drain(take, lambda: None, patience=0.05)
    drain.put(b"x" * output.ROOM)
    eventually(drain.has_room)  # it takes, to drop
    drain.put(b"lost")
    go_on.set()
    eventually(lambda: taken)
    drain.put(b"found")
    drain.close()
    assert taken[1:] == [b"\n[harness: 4 bytes of output dropped, nobody read them]\n", b"found"]


def test_close_does_not_wait_for_ever() -> None:
    go_on = threading.Event()
    drain = Drain(lambda chunk: go_on.wait(30) and None, lambda: None, patience=0.05)
    drain.put(b"x")
    drain.close()
    go_on.set()


def test_broken_receiver_is_logged_once(caplog) -> None:  # type: ignore[no-untyped-def]
    def take(chunk: bytes) -> None:
        raise ValueError(chunk)

    drain = Drain(take, lambda: None)
    drain.put(b"a")
    drain.put(b"b")
    drain.close()
    assert len(caplog.records) == 1
