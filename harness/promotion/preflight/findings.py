"""``Finding``: one thing that was looked at, how it stands, and what to do where it does not stand well."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from harness.promotion.account import stale

OK, WARNING, FAILURE, UNCHECKED = "ok", "warning", "failure", "could not be checked"


@dataclass(frozen=True)
class Finding:
    """``topic`` is a word or two; ``state`` one of the four; ``remedy`` is empty only where nothing is to be done."""

    topic: str
    state: str
    told: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.topic}: {self.told}" + (f"; {self.remedy}" if self.remedy else "")


Check = Callable[[], Iterable[Finding]]


def answered(topic: str, needs: str, check: Check) -> Iterator[Finding]:
    """What ``check`` finds; where AWS does not let it look, that. ``needs`` is the action to allow for it."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield from check()
    except (BotoCoreError, ClientError) as error:
        if stale(error):
            raise
        yield Finding(topic, UNCHECKED, f"AWS answered {code(error)}", f"allow {needs} to have it checked")


def code(error: Any) -> str:
    """The error's code, or its kind where there was no answer."""
    from botocore.exceptions import ClientError

    return str(error.response["Error"]["Code"]) if isinstance(error, ClientError) else type(error).__name__
