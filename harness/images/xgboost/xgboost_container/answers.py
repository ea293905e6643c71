"""Predictions as the body of an answer: which encoding Accept asks for, and its exact text."""

from __future__ import annotations

import json
from typing import Any

from .content_types import split_header

CSV_TYPE = "text/csv"
JSON_TYPE = "application/json"
SUPPORTED_ACCEPTS = [JSON_TYPE, "application/jsonlines", "application/x-recordio-protobuf", CSV_TYPE]


class NotAcceptable(Exception):
    """Answered with status 406 and this text."""


def negotiate(accept: str, default: str) -> str:
    main, _ = split_header(accept)
    if not main or main == "*/*":
        return default
    if main.lower() not in SUPPORTED_ACCEPTS:
        raise NotAcceptable(
            "Accept type {} is not supported. Please use supported accept types: {}.".format(main, SUPPORTED_ACCEPTS)
        )
    return main.lower()


def one_line(predictions: Any) -> str:
    """Releases before 1.2-2."""
    return ",".join(map(str, predictions.tolist()))


def one_per_line(predictions: Any) -> str:
    """Batch transform in every release; rows of probabilities print as Python lists."""
    return "\n".join(map(str, predictions.tolist())) + "\n"


def encode(predictions: Any, accept: str) -> str:
    """A type that passed `negotiate` but has no plain encoding raises ValueError."""
    rows = predictions.tolist()
    if accept == JSON_TYPE:
        return json.dumps({"predictions": [{"score": row} for row in rows]})
    if accept == CSV_TYPE:
        if predictions.ndim > 1:
            return "".join(",".join(map(repr, row)) + "\n" for row in rows)
        return "\n".join(map(repr, rows)) + "\n"
    raise ValueError("{} has no encoder".format(accept))
