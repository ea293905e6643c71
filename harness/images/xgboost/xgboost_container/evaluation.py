"""The metrics that a job evaluates, who computes each (XGBoost or scikit-learn), and which one stops it early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

from .logs import log
from .metric_names import MAXIMIZED
from .scores import score_function
from .versions import Version


@dataclass(frozen=True)
class Evaluation:
    native: list[str]
    scores: Callable[[Any, Any], list[tuple[str, float]]] | None
    stopping_metric: str | None

    @property
    def stopping_maximizes(self) -> bool:
        return self.stopping_metric in MAXIMIZED


def plan_evaluation(tuning_metric: str | None, eval_metric: list[str] | None, version: Version) -> Evaluation:
    tuned = None
    if tuning_metric is not None:
        name = tuning_metric.split(":")[1]
        log.info("Setting up HPO optimized metric to be : %s", name)
        tuned = name.split(",")
    # Releases before 1.7 keep the union in a Python set, so in no fixed order; sorted is one of those orders.
    wanted = sorted(set(tuned) | set(eval_metric)) if tuned and eval_metric else tuned or eval_metric or []
    by_sklearn = [name for name in wanted if name in version.scores]
    native = [name for name in wanted if name not in version.scores]
    candidates = tuned or eval_metric
    return Evaluation(
        native, score_function(by_sklearn, version) if by_sklearn else None, candidates[-1] if candidates else None
    )
