"""Data capture: which invocations are captured, the format of a captured record, and its key in S3. Pure functions.

Format and keys are those of "Capture data from real-time endpoint" in the SageMaker developer guide.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.contract.data_processing import media_type
from harness.kernel.clock import iso, utc
from harness.kernel.s3uri import S3Uri


@dataclass(frozen=True)
class CaptureRules:
    """The rules of a DataCaptureConfig.

    ``sampling`` is between 0 and 1. Unlisted content types are stored as base64.
    """

    destination: S3Uri
    sampling: float
    takes_input: bool
    takes_output: bool
    csv_types: frozenset[str]
    json_types: frozenset[str]

    @classmethod
    def of(cls, config: Mapping[str, Any] | None) -> CaptureRules | None:
        """Return the rules of a configuration, or None if capture is off."""
        if not config or not config.get("EnableCapture", True):
            return None
        modes = {option["CaptureMode"] for option in config["CaptureOptions"]}
        headers = config.get("CaptureContentTypeHeader", {})
        return cls(
            destination=S3Uri.parse(config["DestinationS3Uri"]),
            sampling=config["InitialSamplingPercentage"] / 100,
            takes_input=bool(modes & {"Input", "InputAndOutput"}),
            takes_output=bool(modes & {"Output", "InputAndOutput"}),
            csv_types=frozenset(map(str.lower, headers.get("CsvContentTypes", ()))),
            json_types=frozenset(map(str.lower, headers.get("JsonContentTypes", ()))),
        )


@dataclass(frozen=True)
class Invocation:
    """One answered invocation, held in memory until it is captured."""

    event_id: str
    variant: str
    moment: float
    body: bytes
    content_type: str
    answer: bytes
    answer_type: str
    inference_id: str
    custom_attributes: str


def format_record(rules: CaptureRules, event: Invocation) -> str:
    """Return one JSON line, with the members in the order that SageMaker writes them."""
    data: dict[str, Any] = {}
    if rules.takes_input:
        data["endpointInput"] = _side(rules, "INPUT", event.body, event.content_type)
    if rules.takes_output:
        data["endpointOutput"] = _side(rules, "OUTPUT", event.answer, event.answer_type)
    metadata: dict[str, Any] = {"eventId": event.event_id}
    if event.custom_attributes:
        metadata["customAttributes"] = [event.custom_attributes]
    if event.inference_id:
        metadata["inferenceId"] = event.inference_id
    metadata["inferenceTime"] = iso(event.moment)
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}, separators=(",", ":"))


def capture_key(rules: CaptureRules, endpoint: str, variant: str, moment: float, unique: str) -> S3Uri:
    """Return ``<destination>/<endpoint>/<variant>/YYYY/MM/DD/HH/MM-SS-mmm-<uuid>.jsonl``, with the time in UTC."""
    when = utc(moment)
    name = f"{when:%M-%S}-{when.microsecond // 1000:03d}-{unique}.jsonl"
    return rules.destination.join(endpoint, variant, f"{when:%Y/%m/%d/%H}", name)


def capture_prefix(destination: S3Uri, endpoint: str, variant: str, moment: float) -> S3Uri:
    """Return the prefix of the hour in which data of this time is captured."""
    return destination.join(endpoint, variant, f"{utc(moment):%Y/%m/%d/%H}")


def _side(rules: CaptureRules, mode: str, body: bytes, content_type: str) -> dict[str, str]:
    kind = media_type(content_type)
    encoding = "CSV" if kind in rules.csv_types else "JSON" if kind in rules.json_types else "BASE64"
    text = base64.b64encode(body).decode()
    if encoding != "BASE64":
        try:
            text = body.decode()
        except UnicodeDecodeError:  # the content type says text, but the bytes are not
            encoding = "BASE64"
    return {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}
