"""One measured figure and the table they are printed in."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """``limit`` is the most the figure may be (the least, when ``at_least``); None for a figure shown for itself."""

    name: str
    value: float
    unit: str
    limit: float | None = None
    at_least: bool = False
    note: str = ""

    @property
    def verdict(self) -> str:
        if self.limit is None:
            return ""
        good = self.value >= self.limit if self.at_least else self.value <= self.limit
        return "ok" if good else "MISSED"


def print_table(figures: Iterable[Figure]) -> None:
    rows = [("figure", "measured", "limit", "", "note")]
    for figure in figures:
        bound = "" if figure.limit is None else f"{'>=' if figure.at_least else '<='} {figure.limit:g} {figure.unit}"
        rows.append((figure.name, f"{figure.value:.3g} {figure.unit}", bound, figure.verdict, figure.note))
    widths = [max(len(row[column]) for row in rows) for column in range(5)]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip(), flush=True)


def seconds(call: Callable[[], object], times: int = 1) -> float:
    """The median wall time of ``times`` calls."""
    return statistics.median(_once(call) for _ in range(times))


def _once(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin
