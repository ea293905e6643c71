"""Quality of a binary classifier on labelled rows: confusion matrix, ROC curve and common metrics."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

ROC_POINTS, SCORE_BINS = 150, 20


@dataclass(frozen=True)
class Classification:
    """Evaluation of a binary classifier.

    ``confusion[actual][predicted]`` counts rows; ``roc`` goes from (0, 0) to (1, 1). ``scores`` is a histogram of the
    scores: ``edges`` of equal bins, and ``counts[actual]`` of the rows in each bin.
    """

    confusion: list[list[int]]
    roc: list[tuple[float, float]]
    auc: float
    metrics: dict[str, float]
    scores: dict[str, Any]

    def evidence(self) -> dict[str, Any]:
        """Return the arguments for ``Session.show("classification", ...)``."""
        step = max(len(self.roc) // ROC_POINTS, 1)
        shown = [*self.roc[:-1:step], self.roc[-1]]
        return {
            "confusion": self.confusion,
            "roc": shown,
            "auc": self.auc,
            "metrics": self.metrics,
            "scores": self.scores,
        }


def classification(labels: Sequence[int], scores: Sequence[float], threshold: float = 0.5) -> Classification:
    """Evaluate scores against labels. A score of at least the threshold is a prediction of 1."""
    if len(labels) != len(scores) or not set(labels) == {0, 1}:
        raise ValueError(
            f"{len(labels)} labels of values {sorted(set(labels))} and {len(scores)} scores; both of 0 and 1 are needed"
        )
    if odd := [score for score in scores if not math.isfinite(score)]:
        raise ValueError(f"{len(odd)} of {len(scores)} scores are no finite numbers, such as {odd[0]!r}")
    confusion = [[0, 0], [0, 0]]
    for label, score in zip(labels, scores, strict=True):
        confusion[label][score >= threshold] += 1
    (tn, fp), (fn, tp) = confusion
    roc, auc = _curve(labels, scores)
    precision, recall = _share(tp, tp + fp), _share(tp, tp + fn)
    metrics = {
        "accuracy": _share(tp + tn, len(labels)),
        "precision": precision,
        "recall": recall,
        "f1": _share(2 * tp, 2 * tp + fp + fn),
        "auc": auc,
    }
    return Classification(confusion, roc, auc, metrics, _distribution(labels, scores))


def _distribution(labels: Sequence[int], scores: Sequence[float]) -> dict[str, Any]:
    """Return a histogram, from 0 to 1 if all scores are probabilities, so that two runs have the same axis."""
    low, high = min(0.0, *scores), max(1.0, *scores)
    counts = [[0] * SCORE_BINS, [0] * SCORE_BINS]
    for label, score in zip(labels, scores, strict=True):
        counts[label][min(int((score - low) / (high - low) * SCORE_BINS), SCORE_BINS - 1)] += 1
    return {"edges": [low + (high - low) * number / SCORE_BINS for number in range(SCORE_BINS + 1)], "counts": counts}


def _curve(labels: Sequence[int], scores: Sequence[float]) -> tuple[list[tuple[float, float]], float]:
    """Return the ROC curve and its area by the trapezoidal rule. Equal scores form one point of the curve."""
    positives = sum(labels)
    negatives = len(labels) - positives
    points, area, hits, alarms = [(0.0, 0.0)], 0.0, 0, 0
    ordered = sorted(zip(scores, labels, strict=True), reverse=True)
    for position, (score, label) in enumerate(ordered):
        hits, alarms = hits + label, alarms + 1 - label
        if position + 1 == len(ordered) or ordered[position + 1][0] != score:
            x, y = alarms / negatives, hits / positives
            area += (x - points[-1][0]) * (y + points[-1][1]) / 2
            points.append((x, y))
    return points, area


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
