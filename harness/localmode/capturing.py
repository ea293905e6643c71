"""Data capture around a local endpoint: the engine's own capture, writing to S3 through boto3 in the background."""

from __future__ import annotations

import threading
import uuid
from typing import Any, cast

from harness.clients.emulator_clock import EmulatorClock
from harness.contract.capture import CaptureRules, Invocation
from harness.engine.hosting.capture import PAUSE, Capture
from harness.kernel.s3uri import S3Uri
from harness.stores.objects import ObjectStore


class _CaptureWriter:
    """The one thing capture does with an object store."""

    def __init__(self, s3: Any) -> None:
        self._s3 = s3

    def write(self, uri: S3Uri, body: bytes, content_type: str) -> None:
        self._s3.put_object(Bucket=uri.bucket, Key=uri.key, Body=body, ContentType=content_type)


class Capturing:
    def __init__(self, endpoint: str, rules: CaptureRules, s3: Any, clock: EmulatorClock) -> None:
        writer = cast("ObjectStore", _CaptureWriter(s3))
        self.rules = rules
        self._capture = Capture(endpoint, rules, lambda: writer)
        self._clock = clock
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._write, name=f"capture {endpoint}", daemon=True)
        self._thread.start()

    def take(self, variant: str, request: dict[str, Any], body: bytes, answer: bytes, answer_type: str) -> None:
        if not self._capture.wants():
            return
        self._capture.take(
            Invocation(
                event_id=str(uuid.uuid4()),
                variant=variant,
                moment=self._clock.now(),
                body=body,
                content_type=request.get("ContentType") or "",
                answer=answer,
                answer_type=answer_type,
                inference_id=request.get("InferenceId") or "",
                custom_attributes=request.get("CustomAttributes") or "",
            )
        )

    def flush(self) -> None:
        self._capture.flush()

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self.flush()

    def _write(self) -> None:
        while not self._closed.wait(PAUSE / 2):
            self._capture.flush_if_due()
