"""Metrics a release knows by name, and which of them are better when larger."""

from __future__ import annotations

from .versions import Version

# name: first release that has it; the order is the container's own and shows in its messages
MAXIMIZED = {
    "accuracy": (0,),
    "auc": (0,),
    "aucpr": (0,),
    "balanced_accuracy": (1, 3, 1),
    "f1": (0,),
    "f1_binary": (1, 2, 2),
    "f1_macro": (1, 2, 2),
    "map": (0,),
    "ndcg": (0,),
    "precision": (1, 3, 1),
    "r2": (1, 2, 1),
    "recall": (1, 3, 1),
    "precision_macro": (1, 3, 1),
    "precision_micro": (1, 3, 1),
    "recall_macro": (1, 3, 1),
    "recall_micro": (1, 3, 1),
}
MINIMIZED = {
    "aft-nloglik": (1, 2, 1),
    "cox-nloglik": (0,),
    "error": (0,),
    "gamma-deviance": (0,),
    "gamma-nloglik": (0,),
    "interval-regression-accuracy": (1, 2, 1),
    "logloss": (0,),
    "mae": (0,),
    "mape": (1, 3, 1),
    "merror": (0,),
    "mlogloss": (0,),
    "mphe": (1, 2, 1),
    "mse": (0,),
    "poisson-nloglik": (0,),
    "rmse": (0,),
    "rmsle": (1, 0, 1),
    "tweedie-nloglik": (0,),
}


def metric_names(version: Version) -> list[str]:
    return [name for table in (MAXIMIZED, MINIMIZED) for name, since in table.items() if since <= version.number]
