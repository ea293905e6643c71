"""The check of a LIBSVM file's first line with features; XGBoost checks the rest."""

from __future__ import annotations

from pathlib import Path

from .errors import UserError
from .logs import log


def check_libsvm(path: Path) -> None:
    with path.open(encoding="utf-8", errors="ignore") as stream:
        for line in stream:
            count = _feature_count(line)
            if count < 0:
                raise UserError(
                    "First line '{}...' of file '{}' is not 'LIBSVM' format. "
                    "Please ensure the file is in 'LIBSVM' format.".format(line[:50], path.name)
                )
            if count > 1:
                return
    log.warning("File %s is not an invalid LIBSVM file but has no features. Accepting simple validation.", path.name)


def _feature_count(line: str) -> int:
    """Features of a line `<label>[:<weight>] <index>:<value> ...`, or -1 when it is none."""
    label, *features = line.split(" ")
    if not _is_label(label):
        log.error("%s does not follow LIBSVM label format <label>(:<weight>).", label)
        return -1
    # Only the shape of the first feature decides, as in the container; trailing blanks are its problem too.
    if any(":" not in feature for feature in features) or (features and features[0].count(":") != 1):
        return -1
    return len(features)


def _is_label(text: str) -> bool:
    parts = text.split(":")
    try:
        return len(parts) <= 2 and all(float(part) is not None for part in parts)
    except ValueError:
        return False
