"""``PlannedFaults``: the faults still to come, each of one account or of all, gone when used or cleared."""

from __future__ import annotations

import itertools
import threading
from collections import Counter
from dataclasses import asdict, dataclass, replace

SLOW, THROTTLE, ERROR = "slow", "throttle", "error"


@dataclass(frozen=True)
class Fault:
    """``times`` None: until cleared. An empty ``operation``, ``bucket``, ``key`` or ``account`` means any.

    ``key`` is the beginning of one. ``code``, ``message`` and ``status`` are the answer; ``seconds`` and
    ``bytes_per_second`` are of slow ones.
    """

    id: str
    kind: str
    service: str
    operation: str = ""
    account: str = ""
    times: int | None = 1
    bucket: str = ""
    key: str = ""
    code: str = ""
    message: str = ""
    status: int = 400
    seconds: float = 0.0
    bytes_per_second: float = 0.0

    def matches(self, call: PlannedCall) -> bool:
        return (
            self.service == call.service
            and self.operation in ("", call.operation)
            and self.account in ("", call.account)
            and self.bucket in ("", call.bucket)
            and call.key.startswith(self.key)
        )


@dataclass(frozen=True)
class PlannedCall:
    service: str
    operation: str
    account: str
    bucket: str = ""
    key: str = ""


class PlannedFaults:
    """Thread-safe. ``used`` counts what was injected, by service, operation and kind."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self.used: Counter[str] = Counter()

    def add(self, fault: Fault) -> Fault:
        with self._lock:
            numbered = replace(fault, id=f"fault-{next(self._numbers)}")
            self._faults.append(numbered)
        return numbered

    def waiting(self) -> list[dict[str, object]]:
        return [asdict(fault) for fault in self._faults]

    def concerns(self, service: str) -> bool:
        return any(fault.service == service for fault in self._faults)

    def take(self, call: PlannedCall) -> list[Fault]:
        """Every slow fault that applies, and the first of the others; each is used once by this."""
        with self._lock:
            matching = [fault for fault in self._faults if fault.matches(call)]
            failing = [fault for fault in matching if fault.kind != SLOW][:1]
            taken = [fault for fault in matching if fault.kind == SLOW] + failing
            for fault in taken:
                self.used[f"{call.service} {call.operation or 'any'} {fault.kind}"] += 1
                self._use(fault)
        return taken

    def clear(self, account: str = "") -> None:
        """Remove the faults of an account; of all accounts when none is named."""
        with self._lock:
            self._faults = [fault for fault in self._faults if account and fault.account != account]

    def forget(self) -> None:
        self.clear()
        self.used.clear()

    def _use(self, fault: Fault) -> None:
        if fault.times is None:
            return
        left = replace(fault, times=fault.times - 1)
        self._faults = [left if each is fault else each for each in self._faults if each is not fault or left.times]
