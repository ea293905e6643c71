"""A test on AWS, looked at while it goes: over the budget, or with an endpoint that never comes up, it is ended."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from harness.profiles.supervised_process import LOOK_SECONDS
from harness.promotion.run_guard import RunGuard


@contextlib.contextmanager
def watched(watch: RunGuard, refuse: Callable[[str], None]) -> Iterator[None]:
    """Once there is a reason to stop, ``refuse`` gets it, and the test that runs fails with it, wherever it waits.

    Raised by a signal in the main thread, where pytest runs tests; Ctrl-C means what it did.
    """
    look = _Look(watch, refuse)
    thread = threading.Thread(target=look.until_over, daemon=True)
    with _interruptible(look):
        thread.start()
        try:
            yield
        finally:
            look.over.set()  # from here on nothing is interrupted: what follows is the tear-down
            thread.join()


class _Look:
    def __init__(self, watch: RunGuard, refuse: Callable[[str], None]) -> None:
        self._watch = watch
        self._refuse = refuse
        self.over = threading.Event()
        self.reason: str | None = None
        self.interrupts = False

    def until_over(self) -> None:
        while not self.over.wait(LOOK_SECONDS):
            if reason := self._reason():
                self._refuse(reason)
                if self.interrupts:
                    self.reason = reason
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                return

    def _reason(self) -> str | None:
        try:
            return self._watch.reason_to_stop()
        except Exception as error:  # nobody watches any more, so nothing may go on
            return f"the test could not be watched: {type(error).__name__}: {error}"


@contextlib.contextmanager
def _interruptible(look: _Look) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # then the requests that follow are refused
        yield
        return
    usual = signal.getsignal(signal.SIGINT)

    def interrupted(number: int, frame: Any) -> None:
        reason, look.reason = look.reason, None
        if reason is None:
            if callable(usual):
                usual(number, frame)
        elif not look.over.is_set():
            raise pytest.fail.Exception(reason, pytrace=False)

    signal.signal(signal.SIGINT, interrupted)
    look.interrupts = True
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
