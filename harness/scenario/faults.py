"""``Faults``: what goes wrong on purpose, so that a scenario can assert that its code copes. Needs the emulator.

Speaks the emulator's private path only. Each fault is of the session's own account, and is gone once used.
"""

from __future__ import annotations

import json
import urllib.error
from collections.abc import Callable, Mapping
from typing import Any

from harness.clients.admin_api import ask_emulator

Once = Callable[[str, Mapping[str, Any], Callable[[], Any]], Any]
"""Asks, or answers as it was answered when the same was asked in a run that this one goes on from."""


class FaultsNeedEmulator(RuntimeError):
    """Asked for on a profile that has no emulator: nobody can make AWS fail on purpose."""


class FaultRefused(ValueError):
    """A fault that makes no sense; the text says what would."""


class Faults:
    """``url`` is the emulator's ``/_harness/faults``; empty where there is none, and then every fault is refused.

    ``token_file`` holds the token of the admin interface.
    """

    def __init__(
        self,
        url: str,
        account: str,
        region: str,
        token_file: str = "",
        once: Once = lambda what, asked, do: do(),
    ) -> None:
        self._url = url
        self._token_file = token_file
        self._account = account
        self._region = region
        self._once = once

    def throttle(self, operation: str, times: int | None = 1, service: str = "sagemaker") -> str:
        """The next ``times`` calls (None: all, until cleared) are told to slow down, in the service's own way.

        botocore repeats a throttled call by itself, so one fault may pass unseen: ``times`` says how often.
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
        """The next ``times`` calls answer with an error of the service's model, or one that every service has."""
        given = {"code": code, "message": message, "status": status}
        return self._add(kind="error", service=service, operation=operation, times=times, **given)

    def s3_slow_down(self, times: int | None = 1, operation: str = "", bucket: str = "", key: str = "") -> str:
        """S3 answers 503 SlowDown; ``operation``, ``bucket`` and the beginning of a ``key`` say to which requests."""
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
        """S3 answers ``seconds`` later, and carries bodies at ``bytes_per_second``; until cleared unless ``times``."""
        where = {"operation": operation, "bucket": bucket, "key": key}
        return self._add(
            kind="slow", service="s3", times=times, seconds=seconds, bytes_per_second=bytes_per_second, **where
        )

    def interrupt(self, job: str = "", after: float = 0.0, times: int = 1) -> str:
        """The instance of a training job (by name; else of the next one) is taken away ``after`` seconds of training.

        With managed spot training the job starts again from its checkpoints; without it the job fails.
        """
        return self._add(kind="interrupt", job=job, after=after, times=times)

    def kill_server(self, endpoint: str, variant: str = "") -> int:
        """SIGKILL to the model servers of a variant (or of all); how many died."""
        where = {"account": self._account, "region": self._region}
        return int(self._ask("POST", kind="kill-server", endpoint=endpoint, variant=variant, **where)["killed"])

    def list(self) -> list[dict[str, Any]]:
        """The faults still to come."""
        found: list[dict[str, Any]] = self._ask("GET")["faults"]
        return [fault for fault in found if fault["account"] == self._account]

    def clear(self) -> None:
        """Nothing more goes wrong on purpose."""
        if self._url:
            self._ask("DELETE", account=self._account)

    def _add(self, **fault: Any) -> str:
        stated = {name: value for name, value in fault.items() if value not in ("", 0.0, None) or name == "times"}
        return str(self._ask("POST", **stated, account=self._account)["fault"]["id"])

    def _ask(self, method: str, **asked: Any) -> Any:
        if not self._url:
            raise FaultsNeedEmulator("faults need the emulator: this profile has none, and AWS cannot be made to fail")
        return self._once(f"faults:{method}", asked, lambda: self._sent(method, asked))

    def _sent(self, method: str, asked: Mapping[str, Any]) -> Any:
        try:
            return ask_emulator(self._url, self._token_file, asked, method)
        except urllib.error.HTTPError as error:
            with error:
                raise FaultRefused(json.loads(error.read()).get("message", str(error))) from None
