"""The search of one training definition: which hyperparameters the next training job gets."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from harness.contract.tuning import TuningDefinition

if TYPE_CHECKING:
    from optuna.trial import Trial

_REDUCTION = 3
_LARGE_RATIO = 1000
"""The ratio of a range's limits from which ScalingType Auto means Logarithmic. AWS does not say how it chooses."""


class HyperparameterSearch:
    """Asks Optuna for values and tells it results; Grid goes through all combinations in order.

    The same seed gives the same values as long as the results arrive in the same order.
    """

    def __init__(self, definition: TuningDefinition, config: Mapping[str, Any]) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._definition = definition
        self._distributions = dict(_distributions(definition))
        self._grid = _combinations(definition) if config["Strategy"] == "Grid" else None
        self._trials: dict[str, Trial] = {}
        self._reported: dict[str, int] = {}
        """How many epochs of each training job Hyperband has heard of."""
        self._study = optuna.create_study(
            direction="maximize" if definition.maximize else "minimize",
            sampler=_sampler(config["Strategy"], config.get("RandomSeed")),
            pruner=_pruner(config),
        )

    def ask(self, name: str) -> dict[str, str] | None:
        """Return the tuned hyperparameters of the training job ``name``; None when a grid is exhausted."""
        if self._grid is not None:
            return next(self._grid, None)
        trial = self._trials[name] = self._study.ask(self._distributions)
        return {each: _text(each, value, self._definition) for each, value in trial.params.items()}

    def tell(self, name: str, value: float | None) -> None:
        """Report the objective of a training job that has ended; None if it has none."""
        from optuna.trial import TrialState

        if trial := self._trials.pop(name, None):
            self._study.tell(trial, value, state=TrialState.FAIL if value is None else TrialState.COMPLETE)

    def add_result(self, values: Mapping[str, str], value: float) -> None:
        """Add the result of a training job of an earlier tuning job, where its values lie in the ranges."""
        from optuna.trial import create_trial

        try:
            params = {name: _parse(name, values[name], self._definition) for name in self._distributions}
            self._study.add_trial(create_trial(params=params, distributions=self._distributions, value=value))
        except (KeyError, ValueError):
            return

    def should_stop(self, name: str, values: list[float]) -> bool:
        """Return whether Hyperband gives up a training job that has reported these values, one for each epoch."""
        trial = self._trials.get(name)
        if trial is None:
            return False
        known = self._reported.get(name, 0)
        for epoch, value in enumerate(values[known:], known + 1):
            trial.report(value, epoch)
        self._reported[name] = max(known, len(values))
        return bool(values) and trial.should_prune()


def _sampler(strategy: str, seed: int | None) -> Any:
    import optuna

    if strategy in ("Random", "Grid"):
        return optuna.samplers.RandomSampler(seed)
    # Trials that are still running count as bad ones, so that parallel jobs do not try the same values.
    return optuna.samplers.TPESampler(seed=seed, constant_liar=True)


def _pruner(config: Mapping[str, Any]) -> Any:
    import optuna

    if config["Strategy"] != "Hyperband":
        return optuna.pruners.NopPruner()
    resources = config.get("StrategyConfig", {}).get("HyperbandStrategyConfig", {})
    return optuna.pruners.HyperbandPruner(
        min_resource=resources.get("MinResource", 1),
        max_resource=resources.get("MaxResource", "auto"),
        reduction_factor=_REDUCTION,
    )


def _distributions(definition: TuningDefinition) -> Iterator[tuple[str, Any]]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    for each in definition.of_type("Integer"):
        least, most = int(each["MinValue"]), int(each["MaxValue"])
        yield each["Name"], IntDistribution(least, most, log=_is_logarithmic(each, least, most))
    for each in definition.of_type("Continuous"):
        low, high = float(each["MinValue"]), float(each["MaxValue"])
        if each.get("ScalingType") == "ReverseLogarithmic":
            yield each["Name"], FloatDistribution(1 - high, 1 - low, log=True)
        else:
            yield each["Name"], FloatDistribution(low, high, log=_is_logarithmic(each, low, high))
    for each in definition.of_type("Categorical"):
        yield each["Name"], CategoricalDistribution(each["Values"])


def _is_logarithmic(each: Mapping[str, Any], low: float, high: float) -> bool:
    scaling = each.get("ScalingType", "Auto")
    return scaling == "Logarithmic" or (scaling == "Auto" and low > 0 and high / low >= _LARGE_RATIO)


def _combinations(definition: TuningDefinition) -> Iterator[dict[str, str]]:
    ranges = definition.of_type("Categorical")
    for values in itertools.product(*(each["Values"] for each in ranges)):
        yield {each["Name"]: value for each, value in zip(ranges, values, strict=True)}


def _is_reversed(name: str, definition: TuningDefinition) -> bool:
    ranges = definition.of_type("Continuous")
    return any(each["Name"] == name and each.get("ScalingType") == "ReverseLogarithmic" for each in ranges)


def _text(name: str, value: Any, definition: TuningDefinition) -> str:
    if isinstance(value, float):
        return repr(1 - value if _is_reversed(name, definition) else value)
    return str(value)


def _parse(name: str, text: str, definition: TuningDefinition) -> Any:
    if name in (each["Name"] for each in definition.of_type("Integer")):
        return int(text)
    if name in (each["Name"] for each in definition.of_type("Continuous")):
        return 1 - float(text) if _is_reversed(name, definition) else float(text)
    return text
