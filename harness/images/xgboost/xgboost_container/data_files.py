"""The files of a channel: which count, what is refused before XGBoost reads them, which pair looks duplicated."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UserError
from .logs import log

MAX_FOLDER_DEPTH = 3


def data_size(path: Path) -> int:
    """Bytes of the data files below `path`; 0 means the channel has no data."""
    if not path.exists():
        log.info("Path %s does not exist!", path)
        return 0
    if path.is_file():
        return path.stat().st_size
    total = 0
    for root, _, names in os.walk(str(path)):
        for name in names:
            if name.startswith("."):
                raise UserError("Hidden file found in the data path! Remove that before training.")
            file = Path(root) / name
            total += file.stat().st_size if is_data_file(file) else 0
    return total


def is_data_file(path: Path) -> bool:
    """Say whether a file is data: Spark's markers (`_SUCCESS`, `_metadata`) and XGBoost's cache are not."""
    cache = ".cache" in path.name and ("dtrain" in path.name or "dval" in path.name)
    return not path.name.startswith((".", "_")) and not cache


def files_to_read(path: Path, flattens: bool) -> list[Path]:
    """The data files XGBoost reads, by name so that the row order is the same on every machine."""
    if path.is_file():
        return [path]
    if flattens:
        return sorted(file for file in _down_to_depth(path, 1) if is_data_file(file))
    for root, folders, names in os.walk(str(path)):
        if not folders:
            return sorted(file for file in (Path(root) / name for name in names) if is_data_file(file))
    return []


def _down_to_depth(folder: Path, depth: int) -> list[Path]:
    if depth > MAX_FOLDER_DEPTH:
        log.warning("The depth of folder %s exceed the limit %s. Files in it won't be loaded.", folder, depth - 1)
        return []
    found = []
    for entry in folder.iterdir():
        found += _down_to_depth(entry, depth + 1) if entry.is_dir() else [entry]
    return found


def warn_about_duplicates(train: Path, validation: Path) -> None:
    if train == validation or train.name == validation.name:
        log.warning(
            "Found same path for training and validation. This is not recommended and results may not be correct."
        )
        return
    if not (train.is_dir() and validation.is_dir()):
        return
    for one in sorted(entry for entry in train.iterdir() if entry.is_file()):
        other = validation / one.name
        if other.is_file() and other.stat().st_size == one.stat().st_size:
            log.warning(
                "Suspected identical files found. (%s and %swith same size %s bytes). Note: Duplicate data in the "
                "training set and validation set is usually not intentional and can impair the validity of the model "
                "evaluation by the validation score.",
                one,
                other,
                other.stat().st_size,
            )
