"""``Accounts``: whose account an access key stands for that IAM or STS of the backend gave out."""

from __future__ import annotations

import asyncio

from harness.aws import AwsBackend

_GIVEN_OUT = ("AKIA", "ASIA", "LKIA", "LSIA")
"""AWS's own beginnings, and those of LocalStack."""
_REMEMBERED = 10_000


class Accounts:
    """Asks once per key: nobody uses a key before it is issued, so neither answer changes until a reset."""

    def __init__(self, aws: AwsBackend) -> None:
        self._aws = aws
        self._answers: dict[str, str | None] = {}

    async def of(self, access_key: str) -> str | None:
        if not access_key.startswith(_GIVEN_OUT):
            return None
        if access_key not in self._answers:
            answer = await asyncio.to_thread(self._aws.account_of, access_key)
            if len(self._answers) >= _REMEMBERED:
                self._answers.clear()
            self._answers[access_key] = answer
        return self._answers[access_key]

    async def secret_of(self, access_key: str) -> str | None:
        """The secret that goes with a key that IAM or STS gave out. It is not remembered: few requests ask for it."""
        if not access_key.startswith(_GIVEN_OUT):
            return None
        return await asyncio.to_thread(self._aws.secret_of, access_key)

    def forget(self) -> None:
        self._answers.clear()
