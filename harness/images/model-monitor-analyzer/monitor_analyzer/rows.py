"""Rows of named cell texts: how JSON scalars become text, and rows become frames."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from . import messages
from .errors import AnalyzerError
from .plain_frames import PlainFrame, is_small

Row = dict[str, str | None]
_BATCH = 20_000


def frames_of(rows: Iterable[Row], only: frozenset[str] | None = None) -> Iterator[Any]:
    # A column stays once it was seen, so that even a batch of empty objects has columns and with them a height.
    names: dict[str, None] = {}
    batch: list[Row] = []
    is_first = True
    for row in rows:
        batch.append(row)
        names.update(dict.fromkeys(row))
        if len(batch) == _BATCH:
            yield _frame(batch, names, only)
            batch, is_first = [], False
    if batch:
        small = is_first and is_small(len(batch), len(names))
        yield _plain_frame(batch, names, only) if small else _frame(batch, names, only)


def loads_keeping_numbers(text: str) -> Any:
    """Numbers stay the text they are: `0.0` and `0` are of different types, and both are equal once parsed."""
    return json.loads(text, parse_int=str, parse_float=str, parse_constant=lambda _: None)


def flat_row(value: Any, where: str) -> Row:
    if not isinstance(value, dict):
        raise AnalyzerError(messages.JSON_NOT_OBJECT.format(where=where, kind=_kind(value)))
    return {name: _scalar(cell, name, where) for name, cell in value.items()}


def _scalar(cell: Any, name: str, where: str) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    raise AnalyzerError(messages.JSON_NOT_FLAT.format(where=where, name=name, kind=_kind(cell)))


def _kind(value: Any) -> str:
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "an array"
    return "a single value"


def _plain_frame(batch: list[Row], names: Iterable[str], only: frozenset[str] | None) -> PlainFrame:
    wanted = [name for name in names if only is None or name in only]
    return PlainFrame({name: [row.get(name) for row in batch] for name in wanted})


def _frame(batch: list[Row], names: Iterable[str], only: frozenset[str] | None) -> Any:
    import polars as pl

    columns = _plain_frame(batch, names, only).cells
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))
