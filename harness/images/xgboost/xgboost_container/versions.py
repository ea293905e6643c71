"""What differs between releases of the image, one row per release; chosen by the runner through HARNESS_IMAGE_TAG."""

from __future__ import annotations

import os
from dataclasses import dataclass

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


VERSIONS = {
    version.tag: version
    for version in (
        Version(
            tag="1.0-1", number=(1, 0, 1), xgboost=(1, 0), log_format=PLAIN_LOG, scores=FIRST_SCORES,
            model_format="pickle", modern_callbacks=False, scores_see_margins=False, flattens_channels=False,
            weighs_validation=False, debug_lines=False, negotiates_accept=False, ensembles=False,
            ignores_dotfiles=False, ping_loads_model=False, payload_cap=20 * MIB,
        ),
        # The tag 1.7-1 has been published again from the source tag 1.7-1-1; the row describes that one.
        Version(
            tag="1.7-1", number=(1, 7, 1), xgboost=(1, 7), log_format=BRACKETED_LOG, scores=LATER_SCORES,
            model_format="binary", modern_callbacks=True, scores_see_margins=True, flattens_channels=True,
            weighs_validation=True, debug_lines=False, negotiates_accept=True, ensembles=True, ignores_dotfiles=True,
            ping_loads_model=True, payload_cap=None,
        ),
        Version(
            tag="3.0-5", number=(3, 0, 5), xgboost=(3, 0), log_format=BRACKETED_LOG, scores=LATER_SCORES,
            model_format="ubj", modern_callbacks=True, scores_see_margins=False, flattens_channels=True,
            weighs_validation=True, debug_lines=True, negotiates_accept=True, ensembles=True, ignores_dotfiles=True,
            ping_loads_model=True, payload_cap=None,
        ),
    )
}  # fmt: skip


def current_version() -> Version:
    tag = os.environ.get(TAG_VARIABLE, DEFAULT_TAG)
    if tag not in VERSIONS:
        raise PlatformError(
            "{} is {!r}; this program stands for the releases {}.".format(TAG_VARIABLE, tag, ", ".join(VERSIONS))
        )
    return VERSIONS[tag]
