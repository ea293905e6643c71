"""The metric definitions that the service itself registers for the built-in XGBoost image (callers send none)."""

from __future__ import annotations

METRICS = (
    "accuracy", "aft-nloglik", "auc", "aucpr", "balanced_accuracy", "cox-nloglik", "error", "f1", "f1_binary",
    "f1_macro", "gamma-deviance", "gamma-nloglik", "interval-regression-accuracy", "logloss", "mae", "map", "mape",
    "merror", "mlogloss", "mphe", "mse", "ndcg", "poisson-nloglik", "precision", "precision_macro", "precision_micro",
    "r2", "recall", "recall_macro", "recall_micro", "rmse", "rmsle", "tweedie-nloglik",
)  # fmt: skip

MARK = "#011"
"""What stands before every metric in the container's lines: a tab, as the log shows it."""

# After the fact seen in Describe answers: tabs of the log lines arrive as the four characters #011.
_REGEX = r".*\[[0-9]+\].*#011{data}-{metric}:([-+]?[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?).*"


def with_own_metrics(given: list[dict[str, str]]) -> list[dict[str, str]]:
    """The caller's definitions, and the service's own for every name that the caller left free."""
    names = {item["Name"] for item in given}
    return [*given, *(item for item in metric_definitions() if item["Name"] not in names)]


def metric_definitions() -> list[dict[str, str]]:
    """``train:<metric>`` and ``validation:<metric>`` for every metric: a superset of what AWS lists per version."""
    return [
        {"Name": f"{data}:{metric}", "Regex": _REGEX.format(data=data, metric=metric)}
        for data in ("train", "validation")
        for metric in METRICS
    ]
