"""Callbacks for XGBoost 1.3 and later. Importing this needs such a release."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

from xgboost.callback import TrainingCallback, TrainingCheckPoint

from .checkpoints import save_model_whole
from .progress_lines import print_metrics


class MetricLines(TrainingCallback):  # type: ignore[misc, unused-ignore]
    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        print_metrics(
            epoch,
            (
                ("{}-{}".format(data, metric), values[-1])
                for data, metrics in evals_log.items()
                for metric, values in metrics.items()
            ),
        )
        return False


class KeepModel(TrainingCallback):  # type: ignore[misc, unused-ignore]
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        save_model_whole(model, self._path)
        return False


def checkpoint_once(directory: Path, name: str, interval: int) -> Any:
    # The parameter was called iterations before 2.0.
    known = inspect.signature(TrainingCheckPoint).parameters
    word = "interval" if "interval" in known else "iterations"
    return TrainingCheckPoint(directory=str(directory), name=name, **{word: interval})


class InOrder(TrainingCallback):  # type: ignore[misc, unused-ignore]
    """XGBoost keeps callbacks in a set and skips the rest once one ends the training.

    So the line of the last round is printed or not by chance; as one callback, they all run, in this order.
    """

    def __init__(self, callbacks: list[Any]) -> None:
        super().__init__()
        self._callbacks = callbacks

    def before_training(self, model: Any) -> Any:
        for callback in self._callbacks:
            model = callback.before_training(model)
        return model

    def after_training(self, model: Any) -> Any:
        for callback in self._callbacks:
            model = callback.after_training(model)
        return model

    def before_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        stops = [callback.before_iteration(model, epoch, evals_log) for callback in self._callbacks]
        return any(stops)

    def after_iteration(self, model: Any, epoch: int, evals_log: Any) -> bool:
        stops = [callback.after_iteration(model, epoch, evals_log) for callback in self._callbacks]
        return any(stops)
