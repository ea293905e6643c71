"""One expectation: stated, told to the session, and when it is not met the end of the scenario, with its evidence.

Also how expectations wait: by asking again, up to a deadline, at a pace that keeps what is waited in vain small.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, TypeVar

from harness.asserts.evidence import trimmed
from harness.scenario.session import Session

_T = TypeVar("_T")
_FIRST_PAUSE, _LONGEST_PAUSE, _SHARE = 0.02, 5.0, 0.05
"""Seconds, seconds, and the share of the time already waited: no wait outlasts what it waits for by more than that."""
_SETTLING = 60
"""What belongs to something that is over (its log, its captured records) comes within this part of the patience."""


class ExpectationFailed(AssertionError):
    """What was expected, what was found, and where to look further."""


class Expectation:
    """What every expectation is made of; by itself enough for values that are at hand."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def that(self, met: bool, text: str, evidence: str = "") -> None:
        """Anything, in your own words; ``evidence`` is shown when it is not so."""
        if not met:
            self.fail(text, evidence)
        self._session.expected(text, True, "")

    def fail(self, text: str, evidence: str) -> NoReturn:
        """What is expected is known not to be so."""
        self._session.expected(text, False, evidence)
        raise ExpectationFailed(f"expected: {text}\n{evidence}".rstrip())

    def equal(self, actual: Any, expected: Any, text: str) -> None:
        """Two values are the same; both are shown when they are not."""
        self.that(actual == expected, text, f"expected {expected!r}\nfound    {actual!r}")

    def between(self, value: float, low: float, high: float, text: str, evidence: str = "") -> None:
        """A number within bounds, both included; an infinite bound is none."""
        met = low <= value <= high
        found = f": {value:.4g}" if met else ""
        self.that(met, f"{text} is {_bounds(low, high)}{found}", f"found {value!r}\n{evidence}".rstrip())

    def at_least(self, value: float, low: float, text: str) -> None:
        """As ``between`` without an upper bound; ``at_most`` has no lower one."""
        self.between(value, low, math.inf, text)

    def at_most(self, value: float, high: float, text: str) -> None:
        self.between(value, -math.inf, high, text)

    def close(self, actual: Sequence[float], expected: Sequence[float], text: str, tolerance: float = 1e-6) -> None:
        """Numbers that agree one by one, to a relative or absolute tolerance."""
        wrong = [
            f"  {row}: expected {want!r}, found {got!r}"
            for row, (got, want) in enumerate(zip(actual, expected, strict=False))
            if not math.isclose(got, want, rel_tol=tolerance, abs_tol=tolerance)
        ]
        lengths = f"{len(actual)} numbers, {len(expected)} expected"
        evidence = "\n".join([lengths, f"{len(wrong)} differ; the first:", *wrong[:5]])
        self.that(len(actual) == len(expected) and not wrong, f"{text} ({len(expected)} numbers)", evidence)

    def eventually(self, probe: Callable[[], _T], text: str, seconds: float | None = None) -> _T:
        """The first answer of ``probe`` that counts as true; the last one is the evidence when none comes in time.

        Without ``seconds`` it may take a minute on the emulator and a quarter of an hour on AWS.
        """
        limit = self._session.patience if seconds is None else seconds
        answer = self._waited(probe, limit)
        self.that(bool(answer), text, f"not within {limit:g} s; last found: {trimmed(answer)}")
        return answer

    def _waited(self, probe: Callable[[], _T], seconds: float, over: Callable[[], bool] = lambda: False) -> _T:
        """The first answer that counts as true, else the last. Once ``over``, only what is on its way still comes."""
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
