"""The functions that serve a scikit-learn model where the user's script has none of its own."""

from __future__ import annotations

from typing import Any

from framework_toolkit.application import Answer
from framework_toolkit.codecs import TEXTS, decode, encode


def model_fn(model_dir: str) -> Any:
    raise NotImplementedError("Please provide a model_fn implementation.")


def input_fn(body: Any, content_type: str) -> Any:
    """Return the body as an array; the numbers of texts have single precision."""
    values = decode(body, content_type)
    return values.astype("float32") if content_type in TEXTS else values


def predict_fn(data: Any, model: Any) -> Any:
    return model.predict(data)


def output_fn(prediction: Any, accept: str) -> Answer:
    return Answer(encode(prediction, accept), accept)
