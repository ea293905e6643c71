"""Sets of values a hyperparameter may take. Their text is part of the container's error messages."""

from __future__ import annotations

from typing import Any


class Interval:
    """Written as in the messages: Interval("[0, 1)"), a missing bound is -inf or +inf."""

    def __init__(self, text: str) -> None:
        low, high = (part.strip() for part in text[1:-1].split(","))
        self._text = text
        self._low = float(low)
        self._high = float(high)
        self._low_open = text[0] == "("
        self._high_open = text[-1] == ")"

    def __contains__(self, value: Any) -> bool:
        below = value <= self._low if self._low_open else value < self._low
        above = value >= self._high if self._high_open else value > self._high
        return not (below or above)

    def __str__(self) -> str:
        return self._text
