"""Expectations on captured data: how many records, each request once, and their content equal to what was sent."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from typing import Any

from harness.asserts.evidence import listed, trimmed
from harness.asserts.expectation import Expectation
from harness.asserts.monitoring import captured_records
from harness.asserts.objects import listing


class DataCaptureExpectations(Expectation):
    def captured(
        self,
        prefix: str,
        count: int | None = None,
        *,
        requests: Sequence[str | bytes] | None = None,
        answers: Sequence[str | bytes] | None = None,
        seconds: float | None = None,
    ) -> list[dict[str, Any]]:
        """Exactly ``count`` records under a prefix, none twice; returns them, oldest first.

        ``requests`` and ``answers`` are the bodies, in any order. Capture comes after the answer, so this waits.
        """
        stated = [len(each) for each in (requests, answers) if each is not None]
        wanted = count if count is not None else stated[0] if stated else 1
        s3, records = self._session.client("s3"), list[dict[str, Any]]()

        def at_least(number: int) -> bool:
            records[:] = captured_records(s3, prefix)
            return len(records) >= number

        self._waited(lambda: at_least(wanted), self._session.patience if seconds is None else seconds)
        exact = count is not None or bool(stated)
        if exact and len(records) == wanted:
            self._waited(lambda: at_least(wanted + 1), self._session.patience, lambda: True)
        met = len(records) == wanted if exact else bool(records)
        evidence = f"found {len(records)}\n{listed(listing(s3, prefix), prefix)}"
        self.that(met, f"{wanted if exact else 'some'} requests are captured", evidence)
        self._each_once(records)
        for side, bodies in (("endpointInput", requests), ("endpointOutput", answers)):
            if bodies is not None:
                self._same_bodies(records, side, bodies)
        return records

    def _each_once(self, records: Sequence[dict[str, Any]]) -> None:
        counted = Counter(record["eventMetadata"]["eventId"] for record in records)
        twice = [f"  {event}: {times} times" for event, times in counted.items() if times > 1]
        self.that(not twice, "each request is captured once", "\n".join(twice))

    def _same_bodies(self, records: Sequence[dict[str, Any]], side: str, bodies: Sequence[str | bytes]) -> None:
        found = Counter(captured_body(record, side) for record in records)
        sent = Counter(body.encode() if isinstance(body, str) else body for body in bodies)
        lines = [f"  missing: {trimmed(body)}" for body in list((sent - found).elements())[:5]]
        lines += [f"  not sent: {trimmed(body)}" for body in list((found - sent).elements())[:5]]
        what = "what was sent" if side == "endpointInput" else "what was answered"
        self.that(not lines, f"captured content equals {what}", "\n".join(lines))


def captured_body(record: dict[str, Any], side: str = "endpointInput") -> bytes:
    """The bytes of one side of a record; none where that side was not captured."""
    captured = record["captureData"].get(side)
    if captured is None:
        return b""
    data = str(captured["data"])
    return base64.b64decode(data) if captured["encoding"] == "BASE64" else data.encode()
