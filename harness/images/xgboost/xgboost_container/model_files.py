"""The trained model on disk: its name, and its format by release."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from .versions import Version

MODEL_NAME = "xgboost-model"
# Python 3.6, which those images have, pickles with this protocol.
PICKLE_PROTOCOL = 3


def save_model(model: Any, directory: Path, name: str, version: Version) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    if version.model_format == "pickle":
        with path.open("wb") as stream:
            pickle.dump(model, stream, protocol=PICKLE_PROTOCOL)
    else:
        # A name without extension: the legacy binary format in 1.x, UBJSON in 3.x.
        model.save_model(str(path))


def remove_all_but_models(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_file() and not path.name.startswith(MODEL_NAME):
            path.unlink()
