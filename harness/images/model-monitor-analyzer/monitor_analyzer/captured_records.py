"""Captured records: one JSON object per line of the capture files, and the view of one a preprocessor gets."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from . import messages
from .config import parse_time
from .errors import AnalyzerError
from .source_files import lines_of


@dataclass(frozen=True)
class CapturedRecord:
    where: str
    event: dict[str, Any]

    @property
    def capture_data(self) -> dict[str, Any]:
        return self.event["captureData"]  # type: ignore[no-any-return]

    @property
    def metadata(self) -> dict[str, Any]:
        return self.event.get("eventMetadata") or {}

    def is_within(self, start: datetime, end: datetime) -> bool:
        """A record without a time belongs to the folder it lies in, so to every window."""
        text = self.metadata.get("inferenceTime")
        if text is None:
            return True
        try:
            return start <= parse_time(str(text)) < end
        except ValueError:
            raise AnalyzerError(messages.CAPTURE_TIME.format(where=self.where, value=text)) from None


def records_in(files: Sequence[Path]) -> Iterator[CapturedRecord]:
    for path in files:
        for number, line in lines_of(path):
            yield CapturedRecord(f"{path} line {number}", _event(path, number, line))


def _event(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError as error:
        raise AnalyzerError(messages.CAPTURE_LINE.format(path=path, line=number, reason=error)) from None
    if not isinstance(event, dict) or not isinstance(event.get("captureData"), dict):
        reason = "it has no captureData object"
        raise AnalyzerError(messages.CAPTURE_LINE.format(path=path, line=number, reason=reason))
    if not isinstance(event.get("eventMetadata", {}), (dict, type(None))):
        reason = "its eventMetadata is no object"
        raise AnalyzerError(messages.CAPTURE_LINE.format(path=path, line=number, reason=reason))
    return event


class EventMetadata:
    """The object that a preprocessor gets as inference_record.event_metadata."""

    def __init__(self, metadata: dict[str, Any]) -> None:
        self._metadata = metadata
        self.event_id: str | None = metadata.get("eventId")
        self.event_time: str | None = metadata.get("inferenceTime")
        self.inference_id: str | None = metadata.get("inferenceId")
        self.custom_attribute: list[str] | None = metadata.get("customAttributes")

    def as_dict(self) -> dict[str, Any]:
        return dict(self._metadata)


class EventPayload:
    """Passed to a preprocessor as inference_record.endpoint_input or endpoint_output; data is as captured."""

    def __init__(self, payload: dict[str, Any]) -> None:
        self._payload = payload
        self.data: str | None = payload.get("data")
        self.encoding: str | None = payload.get("encoding")
        self.observedContentType: str | None = payload.get("observedContentType")
        self.mode: str | None = payload.get("mode")

    def as_dict(self) -> dict[str, Any]:
        return dict(self._payload)


class InferenceRecord:
    """The argument of preprocess_handler for captured data."""

    def __init__(self, record: CapturedRecord) -> None:
        self.event_dict = record.event
        self.event_version: str | None = record.event.get("eventVersion")
        self.event_metadata = EventMetadata(record.metadata)
        data = record.capture_data
        self.endpoint_input = _payload(data.get("endpointInput"))
        self.endpoint_output = _payload(data.get("endpointOutput"))
        self.batch_transform_input = _payload(data.get("batchTransformInput"))
        self.batch_transform_output = _payload(data.get("batchTransformOutput"))
        self.ground_truth = _payload(record.event.get("groundTruthData"))

    def as_dict(self) -> dict[str, Any]:
        """The record as it was captured."""
        return deepcopy(self.event_dict)


def _payload(value: Any) -> EventPayload | None:
    return EventPayload(value) if isinstance(value, dict) else None
