"""``Tail``: which part of an append-only list is saved. Lists grow at the end and may be cut at the front."""

from __future__ import annotations

from typing import Any, NamedTuple


class Tail(NamedTuple):
    """The saved part of a list. Elements are numbered from the first one the list ever had."""

    first: Any
    last: Any
    start: int
    """The number of the first element: how many were cut off before it."""
    size: int

    @classmethod
    def of(cls, values: list[Any], start: int) -> Tail:
        return cls(values[0], values[-1], start, len(values)) if values else cls(None, None, start, 0)

    @property
    def end(self) -> int:
        return self.start + self.size

    def is_all_of(self, values: list[Any]) -> bool:
        return len(values) == self.size and self._begins(values)

    def is_kept_in(self, values: list[Any]) -> bool:
        """Return True if the list continues the saved one, possibly cut at the front and longer at the end."""
        return self._begins(values) or self._count_kept(values) > 0

    def followed_by(self, values: list[Any]) -> Tail:
        """Return the tail after all of the list is saved."""
        if self._begins(values):
            return Tail.of(values, self.start)
        kept = self._count_kept(values)
        return Tail.of(values, self.end - kept if kept else 0)

    def _begins(self, values: list[Any]) -> bool:
        if self.size == 0:
            return True
        return len(values) >= self.size and values[0] is self.first and values[self.size - 1] is self.last

    def _count_kept(self, values: list[Any]) -> int:
        """Return how many saved elements the list still begins with; 0 if the last saved one was removed."""
        for index in range(min(len(values), self.size) - 1, -1, -1):
            if values[index] is self.last:
                return index + 1
        return 0


NOTHING = Tail(None, None, 0, 0)
