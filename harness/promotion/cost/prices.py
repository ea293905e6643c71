"""Price tables: dated files with the price of each instance type per hour.

A user's own table has priority over the table fetched from AWS, which has priority over the table shipped with harness.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from harness.kernel.cache import cache_folder
from harness.kernel.errors import StateError
from harness.kernel.kinds import HOSTING, PROCESSING, TRAINING, TRANSFORM
from harness.promotion.destination import Destination

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

OURS = Path(__file__).with_name("prices.toml")
EVERY = "every"
_USES = (EVERY, TRAINING, PROCESSING, HOSTING, TRANSFORM)
_CONFIDENCES = ("high", "medium", "low")
_KEYS = ("dated", "region", "source", "hourly", "startup", "remarks")


@dataclass(frozen=True)
class PriceTable:
    """Prices by instance type.

    ``hourly_by_use`` maps an instance type to its price for each use, or for "every" use. ``startup`` maps a kind of
    resource to the seconds that AWS needs to start it.
    """

    dated: str
    hourly_by_use: Mapping[str, Mapping[str, float]]
    region: str = ""
    source: str = ""
    confidence: Mapping[str, str] = field(default_factory=dict)
    """The instance types whose price is uncertain, with "medium" or "low"."""
    startup: Mapping[str, float] = field(default_factory=dict)
    remarks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def hourly(self, instance_type: str, use: str) -> float | None:
        prices = self.hourly_by_use.get(instance_type, {})
        return prices.get(use, prices.get(EVERY))

    def completed_from(self, other: PriceTable) -> PriceTable:
        """Return this table, completed with the entries of the other table that this one does not have."""
        inherited = {name: level for name, level in other.confidence.items() if name not in self.hourly_by_use}
        return replace(
            self,
            dated=self.dated if self.dated == other.dated else f"{self.dated}, completed from {other.dated}",
            hourly_by_use={**other.hourly_by_use, **self.hourly_by_use},
            source=f"{self.source}; else {other.source}",
            confidence={**inherited, **self.confidence},
            startup={**other.startup, **self.startup},
            remarks={**other.remarks, **self.remarks},
        )


class InvalidPrice(Exception):
    """An entry of a price table that is not valid; the message says what is expected."""


def prices_for(region: str, own: Path | None = None) -> PriceTable:
    """Return the prices of a region: from the user's file, then from AWS's (if fetched), then from harness's table."""
    table = load_prices()
    refreshed = refreshed_file(region)
    if refreshed.is_file():
        table = load_prices(refreshed).completed_from(table)
    return load_prices(own).completed_from(table) if own else table


def prices_of(destination: Destination | None, region: str, root: Path) -> PriceTable:
    """Return the prices for a profile. A relative ``prices`` path starts at ``root``, the project's folder."""
    own = root / destination.prices if destination and destination.prices else None
    return prices_for(destination.region if destination else region, own)


def refreshed_file(region: str) -> Path:
    return cache_folder("prices") / f"{region}.toml"


def load_prices(file: Path = OURS) -> PriceTable:
    try:
        return _table(tomllib.loads(file.read_text(encoding="utf-8")), file)
    except (OSError, ValueError, InvalidPrice) as error:
        raise StateError(
            f'{file} is not a price table (dated = "2026-01-31", [hourly] of dollars by instance type): {error}'
        ) from error


def _table(read: Mapping[str, Any], file: Path) -> PriceTable:
    if unknown := [key for key in read if key not in _KEYS]:
        raise InvalidPrice(f"unknown key {unknown[0]!r}; known: {', '.join(_KEYS)}")
    hourly = {name: _prices(name, entry) for name, entry in _mapping(read, "hourly").items()}
    levels = {name: _confidence(name, entry) for name, entry in _mapping(read, "hourly").items()}
    return PriceTable(
        dated=_day(read.get("dated")),
        hourly_by_use=hourly,
        region=str(read.get("region", "")),
        source=str(read.get("source", file.name)),
        confidence={name: confidence for name, confidence in levels.items() if confidence != "high"},
        startup={kind: _number(kind, seconds) for kind, seconds in _mapping(read, "startup").items()},
        remarks={name: tuple(map(str, lines)) for name, lines in _mapping(read, "remarks").items()},
    )


def _mapping(read: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    value = read.get(key, {})
    if not isinstance(value, dict):
        raise InvalidPrice(f"{key} must be a table, as in [{key}]")
    return value


def _day(value: Any) -> str:
    try:
        return date.fromisoformat(str(value)).isoformat()
    except ValueError:
        raise InvalidPrice(f'dated must be a day such as "2026-01-31", not {value!r}') from None


def _prices(name: str, entry: Any) -> dict[str, float]:
    table = entry if isinstance(entry, dict) else {EVERY: entry}
    prices = {use: price for use, price in table.items() if use != "confidence"}
    if not prices or not set(prices) <= set(_USES):
        raise InvalidPrice(f"{name}: the price is a number, or a table by use: {', '.join(_USES)}")
    return {use: _number(name, price) for use, price in prices.items()}


def _confidence(name: str, entry: Any) -> str:
    level = entry.get("confidence", "high") if isinstance(entry, dict) else "high"
    if level not in _CONFIDENCES:
        raise InvalidPrice(f"{name}: confidence {level!r} is none of {', '.join(_CONFIDENCES)}")
    return str(level)


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
        raise InvalidPrice(f"{name}: {value!r} is not a number of at least 0")
    return float(value)
