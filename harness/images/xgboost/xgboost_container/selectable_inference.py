"""SAGEMAKER_INFERENCE_OUTPUT: which parts of a prediction a model can give, and those parts in each encoding."""

from __future__ import annotations

import json
import math
from typing import Any

from .logs import log
from .record_frames import encode_records

LABEL_KEYS = ("predicted_label", "labels", "raw_score", "raw_scores")
ALL_KEYS = ("predicted_label", "labels", "probability", "probabilities", "raw_score", "raw_scores")
SCORE_KEYS = ("predicted_score",)
KEYS_BY_OBJECTIVE = {
    "reg:squarederror": SCORE_KEYS,
    "reg:logistic": SCORE_KEYS,
    "reg:gamma": SCORE_KEYS,
    "reg:absoluteerror": SCORE_KEYS,
    "reg:tweedie": SCORE_KEYS,
    "binary:logistic": ALL_KEYS,
    "binary:logitraw": LABEL_KEYS,
    "binary:hinge": LABEL_KEYS,
    "multi:softmax": LABEL_KEYS,
    "multi:softprob": ALL_KEYS,
}


def requested_keys(setting: str) -> list[str]:
    return setting.replace(" ", "").lower().split(",")


def select(predictions: Any, keys: list[str], objective: str, num_class: str) -> list[dict[str, Any]]:
    if objective not in KEYS_BY_OBJECTIVE:
        raise ValueError("Objective `{}` unsupported for selectable inference predictions.".format(objective))
    unfit = set(keys).difference(KEYS_BY_OBJECTIVE[objective])
    if unfit:
        log.warning(
            "Selected key(s) %s incompatible for objective '%s'. "
            "Please use list of compatible selectable inference predictions: %s",
            unfit,
            objective,
            list(KEYS_BY_OBJECTIVE[objective]),
        )
    rows = predictions.tolist()
    # float32 widened: the sum of two such numbers is taken in 64 bits, as in the container.
    return [{key: math.nan if key in unfit else _part(key, row, objective, num_class) for key in keys} for row in rows]


def _part(key: str, value: Any, objective: str, num_class: str) -> Any:
    if key == "predicted_score":
        return value
    if key == "labels":
        return [0, 1] if objective.startswith("binary:") else list(range(int(num_class)))
    if key == "predicted_label":
        return _label(value, objective)
    if isinstance(value, list):
        return value if key in ("probabilities", "raw_scores") else max(value)
    return [1.0 - value, value] if key in ("probabilities", "raw_scores") else value


def _label(value: Any, objective: str) -> Any:
    if objective == "multi:softprob":
        return value.index(max(value))
    if objective == "binary:logistic":
        return int(value > 0.5)
    if objective == "binary:logitraw":
        return int(value > 0)
    return value


def encode_selected(selected: list[dict[str, Any]], keys: list[str], accept: str, batch: bool) -> bytes:
    if accept == "application/json":
        return json.dumps({"predictions": selected}).encode()
    if accept == "application/jsonlines":
        return "".join(json.dumps(item) + "\n" for item in selected).encode()
    if accept == "application/x-recordio-protobuf":
        return encode_records(selected)
    if accept == "text/csv":
        lines = "\n".join(",".join(_csv_cell(item[key]) for key in keys) for item in selected)
        return (lines + ("\n" if batch else "")).encode()
    raise RuntimeError("Cannot encode selected predictions into accept type '{}'.".format(accept))


def _csv_cell(value: Any) -> str:
    return '"{}"'.format(value) if isinstance(value, list) else str(value)
