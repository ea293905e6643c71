"""The metric lines on stdout: `[0]<tab>train-rmse:8.09483<tab>validation-rmse:8.33559`.

Five decimals in all releases here; what is rounded differs by itself (1.0 prints a text of six decimals first).
"""

from __future__ import annotations

from typing import Iterable


def print_metrics(iteration: int, values: Iterable[tuple[str, float]]) -> None:
    fields = "".join("\t{}:{:.5f}".format(name, value) for name, value in values)
    print("[{}]{}".format(iteration, fields), flush=True)
