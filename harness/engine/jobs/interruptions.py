"""``Interruptions``: instances of training jobs that are to be taken away, as managed spot training may do to any."""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any

from harness.kernel.records import Key
from harness.runners.spec import Run

_LOOK = 0.01


@dataclass(frozen=True)
class Interruption:
    """A planned spot interruption: of the job ``job``, or of the next training job if that is empty.

    It happens ``after`` seconds into training.
    """

    id: str
    account: str
    job: str
    after: float
    times: int

    def concerns(self, key: Key) -> bool:
        return self.account in ("", key.account) and self.job in ("", key.name)


class Interruptions:
    """Thread-safe."""

    def __init__(self) -> None:
        self._planned: list[Interruption] = []
        self._training: dict[Key, Callable[[float], None]] = {}
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)

    def plan(self, account: str, job: str, after: float, times: int) -> dict[str, Any]:
        """A job that trains at this moment is meant only by its name."""
        with self._lock:
            planned = Interruption(f"interruption-{next(self._numbers)}", account, job, after, times)
            self._planned.append(planned)
            begun = [key for key in self._training if job and planned.concerns(key)]
            strike = self._training[begun[0]] if begun else None
            if strike is not None:
                self._use(planned)
        if strike is not None:
            strike(after)
        return {"id": planned.id, "kind": "interrupt"}

    def awaits(self, key: Key) -> bool:
        """Return whether an interruption is planned that would hit this job."""
        return key.kind == "training-job" and any(planned.concerns(key) for planned in list(self._planned))

    def waiting(self) -> list[dict[str, Any]]:
        return [{"kind": "interrupt", **asdict(planned)} for planned in self._planned]

    def clear(self, account: str = "") -> None:
        with self._lock:
            self._planned = [planned for planned in self._planned if account and planned.account != account]

    @contextlib.contextmanager
    def over(self, key: Key, run: Callable[[], Run | None]) -> Iterator[threading.Event]:
        """While a job trains: ``run`` gives its program once it is started; the event says that it was struck."""
        struck, ended = threading.Event(), threading.Event()

        def strike(after: float) -> None:
            threading.Thread(target=wait_and_kill, args=(after,), name="interruption", daemon=True).start()

        def wait_and_kill(after: float) -> None:
            while (program := run()) is None:
                if ended.wait(_LOOK):
                    return
            if not ended.wait(after):
                struck.set()
                program.kill()

        with self._lock:
            self._training[key] = strike
            planned = next((each for each in self._planned if each.concerns(key)), None)
            if planned is not None:
                self._use(planned)
        if planned is not None:
            strike(planned.after)
        try:
            yield struck
        finally:
            ended.set()
            with self._lock:
                self._training.pop(key, None)

    def _use(self, planned: Interruption) -> None:
        left = replace(planned, times=planned.times - 1)
        self._planned = [
            left if each is planned else each for each in self._planned if each is not planned or left.times
        ]
