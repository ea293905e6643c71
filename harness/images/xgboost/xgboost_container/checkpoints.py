"""Checkpoint files: which one to go on from, and (releases before 1.3) writing one per round, keeping five."""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import xgboost

from .logs import log

CHECKPOINT_NAME = "xgboost-checkpoint"
KEPT = 5
TRIES = 5
MARKERS = (".sagemaker-uploading", ".sagemaker-uploaded")


def _list_by_number(directory: Path) -> list[tuple[int, Path]]:
    pattern = re.compile(r"^{}\.([0-9]+)$".format(CHECKPOINT_NAME))
    matches = ((pattern.match(path.name), path) for path in directory.iterdir())
    return sorted((int(match.group(1)), path) for match, path in matches if match)


def load_checkpoint(directory: Path | None) -> tuple[str | None, int]:
    """(model to go on from, rounds already done).

    The files that releases since 1.3 write (`xgboost-checkpoint_0.json`) are not looked for: in the container, too,
    a job of those releases starts anew.
    """
    if directory is None or not directory.exists():
        return None, 0
    for iteration, path in list(reversed(_list_by_number(directory)))[:TRIES]:
        try:
            xgboost.Booster().load_model(str(path))
        except xgboost.core.XGBoostError:
            log.debug("Wrong checkpoint model format %s", path.name)
            continue
        log.info("Checkpoint loaded from %s", path)
        log.info("Resuming from iteration %s", iteration + 1)
        return str(path), iteration + 1
    return None, 0


def save_model_whole(model: Any, path: Path) -> None:
    """Save atomically: write to a temporary file, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=str(path.parent), suffix=".sagemaker-ignore")
    os.close(handle)
    model.save_model(name)
    os.replace(name, str(path))


class NumberedCheckpoints:
    def __init__(self, directory: Path, start: int) -> None:
        self._directory = directory
        self._start = start

    def save(self, model: Any, iteration: int) -> None:
        save_model_whole(model, self._directory / "{}.{}".format(CHECKPOINT_NAME, self._start + iteration))
        for _, path in _list_by_number(self._directory)[:-KEPT]:
            # The platform's agent marks what it is uploading; such a file stays for the next round.
            if not Path(str(path) + MARKERS[0]).exists():
                path.unlink()
