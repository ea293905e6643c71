"""POST /invocations without HTTP: bytes and two headers in, status and bytes out, checks in the container's order."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from . import answers
from .errors import UserError
from .logs import log
from .request_bodies import UnreadableBody, parse_body
from .selectable_inference import encode_selected, requested_keys, select
from .served_models import Models
from .versions import Version

HTML = "text/html"


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes
    content_type: str = HTML


@dataclass(frozen=True)
class Settings:
    """Settings that the container reads from its environment."""

    batch: bool = field(default_factory=lambda: bool(os.environ.get("SAGEMAKER_BATCH")))
    default_accept: str = field(
        default_factory=lambda: os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", answers.CSV_TYPE)
    )
    selected: str | None = field(default_factory=lambda: os.environ.get("SAGEMAKER_INFERENCE_OUTPUT"))


def _failure(status: int, text: str) -> Answer:
    log.error(text, exc_info=True)
    return Answer(status, text.encode())


def invoke(
    body: bytes, content_type: str | None, accept: str, models: Models, version: Version, settings: Settings
) -> Answer:
    if not body:
        return Answer(204, b"")
    try:
        table, name = parse_body(body, content_type, version.shifts_libsvm)
    except (UnreadableBody, UserError) as error:
        return _failure(415, str(error))
    try:
        models.load()
    except Exception as error:
        return _failure(500, "Unable to load model: {}".format(error))
    try:
        predictions = models.predict(table, name)
    except Exception as error:
        return _failure(400, "Unable to evaluate payload provided: {}".format(error))
    return _respond(predictions, accept, models, version, settings)


def _respond(predictions: Any, accept: str, models: Models, version: Version, settings: Settings) -> Answer:
    negotiated = answers.CSV_TYPE
    if version.negotiates_accept or settings.selected is not None:
        try:
            negotiated = answers.negotiate(accept, settings.default_accept)
        except answers.NotAcceptable as error:
            return _failure(406, str(error))
    if settings.selected is not None:
        return _respond_selected(predictions, negotiated, models, settings.selected, settings.batch)
    if settings.batch:
        return Answer(200, answers.one_per_line(predictions).encode(), negotiated)
    if not version.negotiates_accept:
        return Answer(200, answers.one_line(predictions).encode(), negotiated)
    return Answer(200, answers.encode(predictions, negotiated).encode(), negotiated)


def _respond_selected(predictions: Any, accept: str, models: Models, setting: str, batch: bool) -> Answer:
    model = models.load()[0]
    keys = requested_keys(setting)
    try:
        selected = select(predictions, keys, model.objective, model.num_class)
        return Answer(200, encode_selected(selected, keys, accept, batch), accept)
    except Exception as error:
        return _failure(500, str(error))
