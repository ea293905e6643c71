"""``Faults``: failures injected on purpose, so that a scenario can assert that its code copes. Needs the emulator.

Each fault belongs to the session's own account, and is removed once it was used.
"""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable, Mapping
from typing import Any

from harness.clients.admin_api import ask_emulator
from harness.scenario.run_document import EmulatorAccess

Once = Callable[[str, Mapping[str, Any], Callable[[], Any]], Any]
"""Does something, or returns its result from the recording of the run that this one continues."""


class FaultsNeedEmulator(RuntimeError):
    """A fault on a profile that has no emulator: AWS cannot be made to fail."""


class FaultRefused(ValueError):
    """A fault with invalid values; the text says which are valid."""


class Faults:
    """The faults of one account. Without an emulator every fault is refused."""

    def __init__(
        self,
        emulator: EmulatorAccess | None,
        account: str,
        region: str,
        once: Once = lambda action, arguments, do: do(),
    ) -> None:
        self._emulator = emulator
        self._account = account
        self._region = region
        self._once = once

    def throttle(self, operation: str, times: int | None = 1, service: str = "sagemaker") -> str:
        """Throttle the next ``times`` calls (None: all, until cleared) with the service's own error.

        botocore repeats a throttled call by itself, so a single fault may pass unnoticed.
        """
        return self._add(kind="throttle", service=service, operation=operation, times=times)

    def error(
        self,
        operation: str,
        code: str,
        message: str = "",
        times: int | None = 1,
        service: str = "sagemaker",
        status: int | None = None,
    ) -> str:
        """Answer the next ``times`` calls with an error of the service's model, or one that every service has."""
        error = {"code": code, "message": message, "status": status}
        return self._add(kind="error", service=service, operation=operation, times=times, **error)

    def s3_slow_down(self, times: int | None = 1, operation: str = "", bucket: str = "", key: str = "") -> str:
        """Answer 503 SlowDown from S3; ``operation``, ``bucket`` and the beginning of a ``key`` select requests."""
        return self._add(kind="throttle", service="s3", operation=operation, bucket=bucket, key=key, times=times)

    def slow_s3(
        self,
        seconds: float = 0.0,
        bytes_per_second: float = 0.0,
        times: int | None = None,
        operation: str = "",
        bucket: str = "",
        key: str = "",
    ) -> str:
        """Delay S3 by ``seconds``, and carry bodies at ``bytes_per_second``; until cleared, or for ``times`` calls."""
        where = {"operation": operation, "bucket": bucket, "key": key}
        return self._add(
            kind="slow", service="s3", times=times, seconds=seconds, bytes_per_second=bytes_per_second, **where
        )

    def interrupt(self, job: str = "", after: float = 0.0, times: int = 1) -> str:
        """Take the instance of a training job (by name; else the next one) away ``after`` seconds of training.

        With managed spot training the job starts again from its checkpoints; without it the job fails.
        """
        return self._add(kind="interrupt", job=job, after=after, times=times)

    def kill_server(self, endpoint: str, variant: str = "") -> int:
        """Kill the model servers of a variant, or of all; return how many were killed."""
        where = {"account": self._account, "region": self._region}
        return int(self._ask("POST", kind="kill-server", endpoint=endpoint, variant=variant, **where)["killed"])

    def list(self) -> list[dict[str, Any]]:
        """List the faults still to come."""
        faults: list[dict[str, Any]] = self._ask("GET")["faults"]
        return [fault for fault in faults if fault["account"] == self._account]

    def clear(self) -> None:
        """Remove all faults of this account."""
        if self._emulator:
            self._ask("DELETE", account=self._account)

    def _add(self, **fault: Any) -> str:
        stated = {name: value for name, value in fault.items() if value not in ("", 0.0, None) or name == "times"}
        return str(self._ask("POST", **stated, account=self._account)["fault"]["id"])

    def _ask(self, method: str, **fault: Any) -> Any:
        emulator = self._emulator
        if emulator is None:
            raise FaultsNeedEmulator("faults need the emulator: this profile has none, and AWS cannot be made to fail")
        return self._once(f"faults:{method}", fault, lambda: _send(emulator, method, fault))


def _send(emulator: EmulatorAccess, method: str, fault: Mapping[str, Any]) -> Any:
    try:
        return ask_emulator(f"{emulator.url}/faults", emulator.token_file, fault, method)
    except urllib.error.HTTPError as error:
        with error:
            raise FaultRefused(json.loads(error.read()).get("message", str(error))) from None
