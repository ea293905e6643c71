"""Differences between releases of the image, one row per release; HARNESS_IMAGE_TAG selects the release."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from .errors import PlatformError

TAG_VARIABLE = "HARNESS_IMAGE_TAG"
DEFAULT_TAG = "3.0-5"

BRACKETED_LOG = "[%(asctime)s:%(levelname)s] %(message)s"
PLAIN_LOG = "%(levelname)s:%(name)s:%(message)s"
MIB = 1024 * 1024

# Names computed in Python with scikit-learn rather than by XGBoost itself.
FIRST_SCORES = ("accuracy", "f1", "mse")
LATER_SCORES = (
    "accuracy", "balanced_accuracy", "f1", "f1_binary", "f1_macro", "mse", "rmse", "mae", "precision",
    "precision_macro", "precision_micro", "r2", "recall", "recall_macro", "recall_micro",
)  # fmt: skip


@dataclass(frozen=True)
class Version:
    tag: str
    number: tuple[int, ...]  # the tag as numbers: orders releases in the hyperparameter table
    xgboost: tuple[int, int]  # major and minor release whose numbers this image gives
    log_format: str
    scores: tuple[str, ...]
    model_format: str  # "pickle" | "binary" | "ubj"
    modern_callbacks: bool  # callback classes, save_best and a single checkpoint; else the functions before 1.3
    scores_see_margins: bool  # what XGBoost hands the Python metrics: raw margins (feval) or predictions
    flattens_channels: bool  # data files down to depth 3 are read; older releases read one leaf folder
    weighs_validation: bool  # csv_weights=1 also takes the weights of the validation channel
    debug_lines: bool
    negotiates_accept: bool  # Accept decides the answer's shape; older releases always send one CSV line
    ensembles: bool
    ignores_dotfiles: bool
    ping_loads_model: bool
    payload_cap: int | None  # upper limit of MAX_CONTENT_LENGTH
    shifts_libsvm: bool = False  # a libsvm request without an index 0 counts from 1


def _early_version(tag: str, number: tuple[int, ...], xgboost: tuple[int, int], **differs: Any) -> Version:
    """Describe a release up to 1.2-2: models are pickles, callbacks functions, answers until 1.2-2 one line of CSV."""
    usual: dict[str, Any] = {
        "log_format": PLAIN_LOG, "scores": FIRST_SCORES, "model_format": "pickle", "modern_callbacks": False,
        "scores_see_margins": False, "flattens_channels": False, "weighs_validation": False, "debug_lines": False,
        "negotiates_accept": False, "ensembles": False, "ignores_dotfiles": False, "ping_loads_model": False,
        "payload_cap": 20 * MIB,
    }  # fmt: skip
    return Version(tag=tag, number=number, xgboost=xgboost, **{**usual, **differs})


def _later_version(tag: str, number: tuple[int, ...], xgboost: tuple[int, int], **differs: Any) -> Version:
    """Describe a release from 1.3-1 on: models are XGBoost's own files, callbacks classes; Accept shapes the answer."""
    usual: dict[str, Any] = {
        "log_format": BRACKETED_LOG, "scores": LATER_SCORES, "model_format": "binary", "modern_callbacks": True,
        "scores_see_margins": True, "flattens_channels": False, "weighs_validation": True, "debug_lines": False,
        "negotiates_accept": True, "ensembles": True, "ignores_dotfiles": False, "ping_loads_model": True,
        "payload_cap": None,
    }  # fmt: skip
    return Version(tag=tag, number=number, xgboost=xgboost, **{**usual, **differs})


_SINCE_1_7: dict[str, Any] = {"flattens_channels": True, "ignores_dotfiles": True}
_SINCE_3_0: dict[str, Any] = {**_SINCE_1_7, "model_format": "ubj", "scores_see_margins": False, "debug_lines": True}
_OF_1_2: dict[str, Any] = {"log_format": BRACKETED_LOG, "scores_see_margins": True, "weighs_validation": True}

VERSIONS = {
    version.tag: version
    for version in (
        # The image of XGBoost 0.72 is closed source; what its documentation does not say is as in 0.90-1.
        _early_version("1", (0, 72, 1), (0, 72)),
        _early_version("0.90-1", (0, 90, 1), (0, 90)),
        _early_version("0.90-2", (0, 90, 2), (0, 90)),
        _early_version("1.0-1", (1, 0, 1), (1, 0)),
        _early_version("1.2-1", (1, 2, 1), (1, 2), **_OF_1_2, scores=(*FIRST_SCORES, "r2")),
        _early_version(
            "1.2-2", (1, 2, 2), (1, 2), **_OF_1_2, scores=(*FIRST_SCORES, "r2", "f1_binary", "f1_macro"),
            negotiates_accept=True, ensembles=True, ping_loads_model=True, payload_cap=None,
        ),
        _later_version("1.3-1", (1, 3, 1), (1, 3)),
        _later_version("1.5-1", (1, 5, 1), (1, 5)),
        # The tag 1.7-1 has been published again from the source tag 1.7-1-1; the row describes that one.
        _later_version("1.7-1", (1, 7, 1), (1, 7), **_SINCE_1_7),
        _later_version("3.0-5", (3, 0, 5), (3, 0), **_SINCE_3_0),
        _later_version("3.2-0", (3, 2, 0), (3, 2), **_SINCE_3_0, shifts_libsvm=True),
    )
}  # fmt: skip


def current_version() -> Version:
    tag = os.environ.get(TAG_VARIABLE, DEFAULT_TAG)
    if tag not in VERSIONS:
        raise PlatformError(
            "{} is {!r}; this program stands for the releases {}.".format(TAG_VARIABLE, tag, ", ".join(VERSIONS))
        )
    return VERSIONS[tag]
