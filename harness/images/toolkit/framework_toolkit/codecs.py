"""Bodies of requests and answers as arrays, and back: JSON, CSV and NPY."""

from __future__ import annotations

import io
import json
from typing import Any

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
TEXTS = (JSON, CSV)


class UnsupportedFormatError(Exception):
    """A content type that no function can read or write."""

    def __init__(self, content_type: str) -> None:
        super().__init__(
            "Content type {} is not supported by this framework.\n\n"
            "            Please implement input_fn to to deserialize the request data or an output_fn to\n"
            "            serialize the response. For more information: https://github.com/aws/sagemaker-python-sdk"
            "#input-processing".format(content_type)
        )


def decode(body: Any, content_type: str) -> Any:
    """Return the array that a body holds; a CSV of one row has one dimension, as in AWS's images."""
    import numpy as np

    if content_type == JSON:
        return np.array(json.loads(body))
    if content_type == CSV:
        return np.genfromtxt(io.StringIO(body), dtype=np.float32, delimiter=",")
    if content_type == NPY:
        return np.load(io.BytesIO(body), allow_pickle=True)
    raise UnsupportedFormatError(content_type)


def encode(values: Any, content_type: str) -> bytes:
    """Return the body for values that are an array, or a list of numbers or lists."""
    import numpy as np

    if content_type == JSON:
        return json.dumps(values, default=lambda value: value.tolist()).encode()
    if content_type == CSV:
        text = io.StringIO()
        np.savetxt(text, np.array(values), delimiter=",", fmt="%s")
        return text.getvalue().encode()
    if content_type == NPY:
        binary = io.BytesIO()
        np.save(binary, np.array(values))
        return binary.getvalue()
    raise UnsupportedFormatError(content_type)
