"""Metrics the container computes with scikit-learn because XGBoost has none of that name (or another meaning).

What XGBoost hands over differs by release (versions.scores_see_margins); what is done with it is the container's.
In 3.0-5 that is predictions compared with 0, so `accuracy` of binary:logistic there is the share of positives.
"""

from __future__ import annotations

from typing import Any, Callable

import numpy as np

from .versions import Version

SINCE_MARGINS = (1, 2, 1)  # before it the container rounds probabilities
Score = Callable[[Any, Any], float]


def _classes(predictions: Any, version: Version) -> Any:
    if predictions.ndim > 1:
        return np.argmax(predictions, axis=-1)
    if version.number < SINCE_MARGINS:
        return np.round(predictions)
    return (predictions > 0.0).astype(int)


def _score_functions() -> tuple[dict[str, Score], dict[str, Score]]:
    """Return the scores (for classes, for numbers); imported late, because few jobs need them."""
    from sklearn import metrics

    def with_average(function: Any, average: str) -> Score:
        return lambda labels, classes: function(labels, classes, average=average)

    of_classes = {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "f1": with_average(metrics.f1_score, "macro"),
        "f1_binary": with_average(metrics.f1_score, "binary"),
        "f1_macro": with_average(metrics.f1_score, "macro"),
        "precision": metrics.precision_score,
        "precision_macro": with_average(metrics.precision_score, "macro"),
        "precision_micro": with_average(metrics.precision_score, "micro"),
        "recall": metrics.recall_score,
        "recall_macro": with_average(metrics.recall_score, "macro"),
        "recall_micro": with_average(metrics.recall_score, "micro"),
    }
    of_numbers = {
        "mae": metrics.mean_absolute_error,
        "mse": metrics.mean_squared_error,
        "r2": metrics.r2_score,
        "rmse": lambda labels, predictions: metrics.mean_squared_error(labels, predictions) ** 0.5,
    }
    return of_classes, of_numbers


def score_function(names: list[str], version: Version) -> Callable[[Any, Any], list[tuple[str, float]]]:
    """Return a Python metric for xgboost.train; one call computes all of `names`."""
    of_classes, of_numbers = _score_functions()

    def evaluate(predictions: Any, matrix: Any) -> list[tuple[str, float]]:
        labels = matrix.get_label()
        classes = _classes(predictions, version)
        computed = []
        for name in names:
            if name in of_classes:
                computed.append((name, float(of_classes[name](labels, classes))))
            else:
                computed.append((name, float(of_numbers[name](labels, predictions))))
        return computed

    return evaluate
