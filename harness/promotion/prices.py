"""The price table: a dated file of dollars per machine and hour."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.kernel.errors import StateError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OURS = Path(__file__).with_name("prices.toml")


@dataclass(frozen=True)
class PriceTable:
    """One price for every use: where lists of both were seen, they agreed."""

    dated: str
    prices: Mapping[str, float]

    def hourly(self, instance_type: str, use: str) -> float | None:
        return self.prices.get(instance_type)


def load_prices(file: Path = OURS) -> PriceTable:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))
        return PriceTable(str(table["dated"]), {name: float(price) for name, price in table["hourly"].items()})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StateError(
            f"{file} is not a price table (dated, [hourly] of dollars by instance type): {error}"
        ) from error
