"""Watches a test on AWS while it runs, and ends it over budget, or when an endpoint never comes up."""

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
def stop_when_refused(guard: RunGuard, refuse: Callable[[str], None]) -> Iterator[None]:
    """Fail the test in the block once the guard has a reason to stop; ``refuse`` gets the reason.

    Raised by a signal in the main thread, where pytest runs tests; Ctrl-C means what it did.
    """
    look = _Look(guard, refuse)
    thread = threading.Thread(target=look.until_over, daemon=True)
    with _interruptible(look):
        thread.start()
        try:
            yield
        finally:
            look.over.set()  # from here on nothing is interrupted: what follows is the tear-down
            thread.join()


class _Look:
    def __init__(self, guard: RunGuard, refuse: Callable[[str], None]) -> None:
        self._guard = guard
        self._refuse = refuse
        self.over = threading.Event()
        self.reason: str | None = None
        self.interrupts = False

    def until_over(self) -> None:
        """Watch until the block ends, or until there is a reason to stop."""
        while not self.over.wait(LOOK_SECONDS):
            if reason := self._reason():
                self._refuse(reason)
                if self.interrupts:
                    self.reason = reason
                    signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
                return

    def _reason(self) -> str | None:
        try:
            return self._guard.reason_to_stop()
        except Exception as error:  # nobody watches any more, so nothing may go on
            return f"the test could not be watched: {type(error).__name__}: {error}"


@contextlib.contextmanager
def _interruptible(look: _Look) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():  # then the requests that follow are refused
        yield
        return
    usual = signal.getsignal(signal.SIGINT)

    def on_interrupt(number: int, frame: Any) -> None:
        reason, look.reason = look.reason, None
        if reason is None:
            if callable(usual):
                usual(number, frame)
        elif not look.over.is_set():
            raise pytest.fail.Exception(reason, pytrace=False)

    signal.signal(signal.SIGINT, on_interrupt)
    look.interrupts = True
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)
