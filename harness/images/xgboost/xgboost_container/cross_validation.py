"""K-fold cross validation (`_kfold`): one model per fold, a metric line per round, predictions.csv."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import xgboost

from .boosting import Job, boost
from .logs import log
from .progress_lines import print_metrics


class FoldPredictions:
    """Predictions of each row by the models that did not see it, one column per repetition."""

    def __init__(self, truth: Any, repetitions: int, classification: bool) -> None:
        self._truth = truth
        self._values = np.zeros((len(truth), repetitions))
        self._probabilities = np.zeros((len(truth), repetitions))
        self._seen = np.zeros(len(truth), dtype=int)
        self._classification = classification

    def record(self, rows: Any, predictions: Any) -> None:
        column = self._seen[rows]
        if self._classification and predictions.ndim > 1:
            labels = np.argmax(predictions, axis=-1)
            self._probabilities[rows, column] = predictions[np.arange(len(labels)), labels]
        elif self._classification:
            labels = predictions > 0.5
            self._probabilities[rows, column] = predictions
        else:
            labels = predictions
        self._values[rows, column] = labels
        self._seen[rows] += 1

    def save(self, path: Path) -> None:
        columns = [self._truth]
        if self._classification:
            columns += [self._probabilities.mean(axis=-1), np.array([_most_frequent(row) for row in self._values])]
        else:
            columns.append(self._values.mean(axis=-1))
        path.parent.mkdir(parents=True, exist_ok=True)
        log.info("Storing predictions on validation set(s) in %s", path)
        np.savetxt(str(path), np.vstack(columns).T, delimiter=",", fmt="%f")


def _most_frequent(row: Any) -> float:
    values, counts = np.unique(row, return_counts=True)
    return float(values[np.argmax(counts)])


def cross_validate(
    job: Job, matrix: Any, watched: list[tuple[Any, str]], folds: int, repetitions: int, predictions: Path
) -> list[Any]:
    rows = matrix.num_row()
    log.info("Run %s-round of %s-fold cross validation with %s rows", repetitions, folds, rows)
    # The container needs an objective here when there is no num_class.
    classification = bool(job.parameters.get("num_class") or job.parameters["objective"].startswith("binary:"))
    recorded = FoldPredictions(matrix.get_label(), repetitions, classification)
    boosters: list[Any] = []
    histories: list[dict[str, Any]] = []
    for train_rows, test_rows in _splits(matrix, folds, repetitions, classification):
        log.info("Train cross validation fold %s", len(boosters) % folds + 1)
        booster, history = boost(job, matrix.slice(train_rows), watched, fold=len(boosters))
        boosters.append(booster)
        histories.append(history)
        recorded.record(test_rows, booster.predict(matrix.slice(test_rows)))
        if len(boosters) % folds == 0 and job.is_master:
            log.info("The metrics of round %s cross validation", len(boosters) // folds)
            _print_means(job.rounds, histories[-folds:])
    if not job.is_master:
        return boosters
    recorded.save(predictions)
    if repetitions > 1:
        log.info("The overall metrics of %s-round cross validation", repetitions)
        _print_means(job.rounds, histories)
    return boosters


def _splits(matrix: Any, folds: int, repetitions: int, classification: bool) -> Any:
    from sklearn.model_selection import RepeatedKFold, RepeatedStratifiedKFold

    rows = np.zeros(matrix.num_row())
    if classification:
        return RepeatedStratifiedKFold(n_splits=folds, n_repeats=repetitions).split(rows, matrix.get_label())
    return RepeatedKFold(n_splits=folds, n_repeats=repetitions).split(rows)


def _print_means(rounds: int, histories: list[dict[str, Any]]) -> None:
    print_metrics(
        rounds,
        (
            ("{}-{}".format(data, metric), float(np.mean([history[data][metric][-1] for history in histories])))
            for metric in histories[0]["train"]
            for data in histories[0]
        ),
    )


def report_folds(job: Job, matrix: Any, folds: int) -> None:
    """The `_nfold` of 1.2-1: xgboost.cv over all data after the training, and its last line once more as metrics."""
    log.info("Run %s-fold cross validation on the data of %s rows", folds, matrix.num_row())
    found = xgboost.cv(
        job.parameters,
        matrix,
        nfold=folds,
        num_boost_round=job.rounds,
        feval=job.evaluation.scores,
        early_stopping_rounds=job.early_stopping_rounds,
        verbose_eval=True,
        show_stdv=True,
        shuffle=False,
    )
    log.info("The final metrics of cross validation")
    last = len(found.index) - 1
    means = [name for name in found.columns if name.endswith("-mean")]
    print_metrics(
        last, ((name[: -len("-mean")].replace("test-", "validation-", 1), found.at[last, name]) for name in means)
    )
