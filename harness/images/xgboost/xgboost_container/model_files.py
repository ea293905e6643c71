"""The trained model on disk: its name, and its format by release."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

from .versions import Version

MODEL_NAME = "xgboost-model"
SINCE_PROTOCOL_4 = (1, 2, 1)


def save_model(model: Any, directory: Path, name: str, version: Version) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / name
    if version.model_format == "pickle":
        with path.open("wb") as stream:
            # Before, the container leaves it to its Python 3.6, which takes protocol 3.
            pickle.dump(model, stream, protocol=4 if version.number >= SINCE_PROTOCOL_4 else 3)
    else:
        # A name without extension: the legacy binary format in 1.x, UBJSON in 3.x.
        model.save_model(str(path))


def remove_all_but_models(directory: Path) -> None:
    for path in directory.iterdir():
        if path.is_file() and not path.name.startswith(MODEL_NAME):
            path.unlink()
