"""``Batch``: request bodies of one object or several on their way at once; each object's answers are kept in order.

Memory holds as many bodies as may be under way, and one more, however many objects they come from.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from harness.kernel.s3uri import S3Uri


class ObjectResult:
    """The result of one object: a file with its answers, or the error it failed with."""

    def __init__(self, uri: S3Uri, name: str, path: Path) -> None:
        self.uri = uri
        self.name = name
        self.path = path
        self.failure: Exception | None = None
        path.parent.mkdir(parents=True, exist_ok=True)
        self._out = path.open("wb")

    def write(self, answer: bytes) -> None:
        self._out.write(answer)

    def close(self) -> None:
        self._out.close()


@dataclass(frozen=True)
class Calls:
    """``call`` is made on ``pool``, ``width`` at most at once; ``failures`` are what may be wrong with one object."""

    pool: ThreadPoolExecutor
    call: Callable[[bytes], bytes]
    width: int
    failures: tuple[type[Exception], ...]


class Batch:
    """``add`` object after object, then ``drain``; ``close`` in any case. Used by one thread.

    ``finish`` is called for each object, in their order, when its last answer is there or it failed. ``check`` raises
    when nothing further is to be done.
    """

    def __init__(self, calls: Calls, finish: Callable[[ObjectResult], None], check: Callable[[], None]) -> None:
        self._calls = calls
        self._finish = finish
        self._check = check
        self._waiting: deque[tuple[ObjectResult, Future[bytes] | None]] = deque()
        """Mark the end of an object by None instead of a future."""
        self._under_way = 0
        self._open: list[ObjectResult] = []

    def add(self, result: ObjectResult, bodies: Callable[[], Iterator[bytes]]) -> None:
        self._check()
        self._open.append(result)
        try:
            for body in bodies():
                if result.failure is not None:
                    break
                self._waiting.append((result, self._calls.pool.submit(self._calls.call, body)))
                self._under_way += 1
                self._settle_some()
        except self._calls.failures as error:
            result.failure = result.failure or error
        self._waiting.append((result, None))
        self._settle_some()

    def drain(self) -> None:
        while self._waiting:
            self._settle()

    def close(self) -> None:
        for _, future in self._waiting:
            if future is not None:
                future.cancel()
        for result in self._open:
            result.close()

    def _settle_some(self) -> None:
        """Settle what is finished, and wait for more if the queue is full. Objects without a body count as well."""
        width = self._calls.width
        while self._under_way > width or len(self._waiting) > 2 * width + 1 or self._first_is_over():
            self._settle()

    def _first_is_over(self) -> bool:
        if not self._waiting:
            return False
        future = self._waiting[0][1]
        return future is None or future.done()

    def _settle(self) -> None:
        result, future = self._waiting.popleft()
        self._check()
        if future is None:
            self._open.remove(result)
            result.close()
            self._finish(result)
            return
        self._under_way -= 1
        if result.failure is not None:
            future.cancel()
            return
        try:
            result.write(future.result())
        except self._calls.failures as error:
            self._check()  # a server that was stopped answers no more
            result.failure = error
