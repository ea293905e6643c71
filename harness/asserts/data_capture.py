"""Expectations on captured data: the number of records, each request once, and the same content as was sent."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from typing import Any

from harness.asserts.evidence import list_objects, trim
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
        """Expect exactly ``count`` captured records under a prefix, none twice; return them, oldest first.

        ``requests`` and ``answers`` are the expected bodies, in any order. Records are written some time after the
        response, so this waits for them.
        """
        stated = [len(each) for each in (requests, answers) if each is not None]
        expected = count if count is not None else stated[0] if stated else 1
        s3, records = self._session.client("s3"), list[dict[str, Any]]()

        def at_least(number: int) -> bool:
            records[:] = captured_records(s3, prefix)
            return len(records) >= number

        self._wait_for(lambda: at_least(expected), self._session.patience if seconds is None else seconds)
        exact = count is not None or bool(stated)
        if exact and len(records) == expected:
            self._wait_for(lambda: at_least(expected + 1), self._session.patience, lambda: True)
        met = len(records) == expected if exact else bool(records)
        evidence = f"found {len(records)}\n{list_objects(listing(s3, prefix), prefix)}"
        self.that(met, f"{expected if exact else 'some'} requests are captured", evidence)
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
        captured = Counter(captured_body(record, side) for record in records)
        sent = Counter(body.encode() if isinstance(body, str) else body for body in bodies)
        lines = [f"  missing: {trim(body)}" for body in list((sent - captured).elements())[:5]]
        lines += [f"  not sent: {trim(body)}" for body in list((captured - sent).elements())[:5]]
        what = "what was sent" if side == "endpointInput" else "what was answered"
        self.that(not lines, f"captured content equals {what}", "\n".join(lines))


def captured_body(record: dict[str, Any], side: str = "endpointInput") -> bytes:
    """Return the bytes of one side of a record; empty if that side was not captured."""
    captured = record["captureData"].get(side)
    if captured is None:
        return b""
    data = str(captured["data"])
    return base64.b64decode(data) if captured["encoding"] == "BASE64" else data.encode()
