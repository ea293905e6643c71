"""``Accounts``: whose account an access key stands for that IAM or STS of the backend gave out."""

from __future__ import annotations

import asyncio
from typing import Protocol, runtime_checkable

from harness.stores.aws_backends import AwsBackend

_GIVEN_OUT = ("AKIA", "ASIA")


@runtime_checkable
class KnowsAccounts(Protocol):
    """A backend that can tell; it may have to load first."""

    def account_of(self, access_key: str) -> str | None: ...


class Accounts:
    """A key belongs to its account for ever, so that answer is kept; a key not known now may still be given out."""

    def __init__(self, aws: AwsBackend) -> None:
        self._aws = aws
        self._known: dict[str, str] = {}

    async def of(self, access_key: str) -> str | None:
        if not access_key.startswith(_GIVEN_OUT) or not isinstance(self._aws, KnowsAccounts):
            return None
        known = self._known.get(access_key)
        if known is None:
            known = await asyncio.to_thread(self._aws.account_of, access_key)
            if known is not None:
                self._known[access_key] = known
        return known
