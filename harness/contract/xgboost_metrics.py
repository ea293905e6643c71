"""The metric definitions that SageMaker adds itself for the built-in XGBoost image."""

from __future__ import annotations

METRICS = (
    "accuracy", "aft-nloglik", "auc", "aucpr", "balanced_accuracy", "cox-nloglik", "error", "f1", "f1_binary",
    "f1_macro", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy", "logloss", "mae", "map", "mape",
    "merror", "mlogloss", "mphe", "mse", "ndcg", "poisson-nloglik", "precision", "precision_macro", "precision_micro",
    "r2", "recall", "recall_macro", "recall_micro", "rmse", "rmsle", "tweedie-nloglik",
)  # fmt: skip

MARK = "#011"
"""The text before every metric in the container's lines: a tab, as CloudWatch shows it."""

# Recorded in DescribeTrainingJob answers: a tab of a log line appears as the four characters #011.
_REGEX = r".*\[[0-9]+\].*#011{data}-{metric}:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*"


def add_builtin_metrics(definitions: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the caller's definitions, and the built-in ones for the names that the caller does not define."""
    names = {item["Name"] for item in definitions}
    return [*definitions, *(item for item in metric_definitions() if item["Name"] not in names)]


def metric_definitions() -> list[dict[str, str]]:
    """Return ``train:<metric>`` and ``validation:<metric>`` for every metric (AWS lists fewer for each version)."""
    return [
        {"Name": f"{data}:{metric}", "Regex": _REGEX.format(data=data, metric=metric)}
        for data in ("train", "validation")
        for metric in METRICS
    ]
