"""Ranges that refuse some values with a message of their own before comparing."""

from __future__ import annotations

from .errors import UserError

THRESHOLD_METRICS = ("error", "ndcg", "map")


class ListedRange:
    def __init__(self, values: list[str]) -> None:
        self._values = values

    def __contains__(self, value: str) -> bool:
        return value in self._values

    def __str__(self) -> str:
        return str(self._values)


class CpuOnlyRange(ListedRange):
    def __contains__(self, value: str) -> bool:
        if "gpu" in value:
            raise UserError("GPU training is not supported yet.")
        return super().__contains__(value)


class MetricRange(ListedRange):
    """Metric names, and `error@0.7`-like names with a threshold."""

    def __contains__(self, value: str) -> bool:
        if "<function" in value:
            raise UserError("User defined evaluation metric {} is not supported yet.".format(value))
        if "@" not in value:
            return super().__contains__(value)
        name, threshold = (part.strip() for part in value.split("@")[:2])
        if name not in THRESHOLD_METRICS:
            raise UserError(
                "Metric '{}' is not supported. Parameter 'eval_metric' with customized threshold should "
                "be one of these options: 'error', 'ndcg', 'map'.".format(value)
            )
        try:
            float(threshold)
        except ValueError as error:
            raise UserError("Threshold value 't' in '{}@t' expects float input.".format(name)) from error
        return True
