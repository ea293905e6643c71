"""The functions that serve an XGBoost model in script mode where the user's script has none of its own."""

from __future__ import annotations

from typing import Any

from framework_toolkit.application import Answer
from framework_toolkit.codecs import UnsupportedFormatError, encode

from .content_types import CSV, LIBSVM, RECORDIO_PROTOBUF
from .request_bodies import parse_body

READABLE = {
    "text/csv": CSV,
    "text/libsvm": LIBSVM,
    "text/x-libsvm": LIBSVM,
    "application/x-recordio-protobuf": RECORDIO_PROTOBUF,
}


def model_fn(model_dir: str) -> Any:
    raise NotImplementedError("Please provide a model_fn implementation.")


def input_fn(body: Any, content_type: str) -> Any:
    """Return the body as a DMatrix."""
    import xgboost

    if content_type not in READABLE:
        raise UnsupportedFormatError(content_type)
    matrix, _ = parse_body(body.encode("utf-8") if isinstance(body, str) else body, content_type)
    return xgboost.DMatrix(matrix)


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data, validate_features=False)


def output_fn(prediction: Any, accept: str) -> Answer:
    return Answer(encode(prediction, accept), accept)
