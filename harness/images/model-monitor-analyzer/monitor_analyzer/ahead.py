"""Makes the next item while the current one is used."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_END = object()


def read_ahead(items: Iterator[Any]) -> Iterator[Any]:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, items, _END)
        while (item := coming.result()) is not _END:
            coming = thread.submit(next, items, _END)
            yield item
