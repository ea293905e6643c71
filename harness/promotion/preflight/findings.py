"""Findings of preflight: what was checked, the result, and the remedy for a problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.promotion.account import credentials_expired

OK, WARNING, FAILURE, UNCHECKED = "ok", "warning", "failure", "could not be checked"


@dataclass(frozen=True)
class Finding:
    """The result of one check; ``state`` is one of the four constants above. Only findings without a remedy are ok."""

    topic: str
    state: str
    message: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.topic}: {self.message}" + (f"; {self.remedy}" if self.remedy else "")


Check = Callable[[], Iterable[Finding]]


def run_check(topic: str, needs: str, check: Check) -> Iterator[Finding]:
    """Yield the findings of ``check``, or one "could not be checked" if AWS refuses its calls.

    ``needs`` names the IAM actions that the check requires.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield from check()
    except (BotoCoreError, ClientError) as error:
        if credentials_expired(error):
            raise
        yield Finding(topic, UNCHECKED, f"AWS answered {code(error)}", f"allow {needs} to have it checked")


def code(error: Any) -> str:
    """Return AWS's error code, or the exception's class if AWS did not respond."""
    from botocore.exceptions import ClientError

    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__
