"""Base class of all expectations. Each is recorded in the session; one that is not met ends the scenario.

It also contains how expectations wait: they poll up to a deadline, with pauses that grow with the time waited.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from harness.asserts.evidence import trim
from harness.scenario.session import Session

_T = TypeVar("_T")
_FIRST_PAUSE, _LONGEST_PAUSE, _SHARE = 0.02, 5.0, 0.05
"""Shortest and longest pause in seconds, and the pause as a share of the time waited so far."""
_SETTLING = 60
"""The part (1/60) of the session's patience in which the log or the records of an ended job must arrive."""


class ExpectationFailed(AssertionError):
    """An expectation was not met; the message has the expectation and its evidence."""


class Expectation:
    """Expectations on plain values, and the base class of all other expectations."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def that(self, met: bool, text: str, evidence: str = "") -> None:
        """Expect ``met`` to be true; ``text`` describes the expectation, ``evidence`` is shown if it is not met."""
        if not met:
            self.fail(text, evidence)
        self._session.expected(text, True, "")

    def fail(self, text: str, evidence: str) -> NoReturn:
        """Record the expectation ``text`` as not met and end the scenario."""
        self._session.expected(text, False, evidence)
        raise ExpectationFailed(f"expected: {text}\n{evidence}".rstrip())

    def equal(self, actual: Any, expected: Any, text: str) -> None:
        """Expect two values to be equal; both are shown if they are not."""
        self.that(actual == expected, text, f"expected {expected!r}\nfound    {actual!r}")

    def between(self, value: float, low: float, high: float, text: str, evidence: str = "") -> None:
        """Expect a number between two bounds, both included; an infinite bound means no bound."""
        met = low <= value <= high
        actual = f": {value:.4g}" if met else ""
        self.that(met, f"{text} is {_bounds(low, high)}{actual}", f"found {value!r}\n{evidence}".rstrip())

    def at_least(self, value: float, low: float, text: str) -> None:
        """Expect a number of at least ``low``."""
        self.between(value, low, math.inf, text)

    def at_most(self, value: float, high: float, text: str) -> None:
        """Expect a number of at most ``high``."""
        self.between(value, -math.inf, high, text)

    def close(self, actual: Sequence[float], expected: Sequence[float], text: str, tolerance: float = 1e-6) -> None:
        """Expect two sequences of numbers to agree one by one, to a relative or absolute tolerance."""
        wrong = [
            f"  {row}: expected {want!r}, found {got!r}"
            for row, (got, want) in enumerate(zip(actual, expected, strict=False))
            if not math.isclose(got, want, rel_tol=tolerance, abs_tol=tolerance)
        ]
        lengths = f"{len(actual)} numbers, {len(expected)} expected"
        evidence = "\n".join([lengths, f"{len(wrong)} differ; the first:", *wrong[:5]])
        self.that(len(actual) == len(expected) and not wrong, f"{text} ({len(expected)} numbers)", evidence)

    def eventually(self, probe: Callable[[], _T], text: str, seconds: float | None = None) -> _T:
        """Call ``probe`` until it returns a true value; return that value. The last value is the evidence otherwise.

        Without ``seconds`` this waits up to a minute on the emulator and a quarter of an hour on AWS.
        """
        limit = self._session.patience if seconds is None else seconds
        answer = self._wait_for(probe, limit)
        self.that(bool(answer), text, f"not within {limit:g} s; last found: {trim(answer)}")
        return answer

    def _wait_for(self, probe: Callable[[], _T], seconds: float, over: Callable[[], bool] = lambda: False) -> _T:
        """Return the first true value of ``probe``, else the last one.

        Once ``over`` returns True, the deadline shrinks: only data that is delayed can still arrive.
        """
        begun = time.monotonic()
        deadline, ended = begun + seconds, False
        while not (answer := probe()) and (now := time.monotonic()) < deadline:
            if not ended and over():
                ended, deadline = True, min(deadline, now + self._session.patience / _SETTLING)
            pause = min(max(_FIRST_PAUSE, (now - begun) * _SHARE), _LONGEST_PAUSE)
            time.sleep(min(pause, max(deadline - now, 0.0)))
        return answer


def _bounds(low: float, high: float) -> str:
    if math.isinf(low):
        return f"at most {high:g}"
    if math.isinf(high):
        return f"at least {low:g}"
    return f"between {low:g} and {high:g}"
