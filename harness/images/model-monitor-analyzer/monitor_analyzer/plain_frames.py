"""Cells as plain lists of texts: for data so small that importing polars would take longer than all the rest."""

from __future__ import annotations

# Beyond this polars is faster, its import included.
MOST_CELLS = 600_000
# Beyond this a column could have so many distinct texts that they are counted in another way.
MOST_ROWS = 30_000

Cells = list[str | None]


class PlainFrame:
    """The part of a polars frame of String columns that a second pass over the data asks for."""

    def __init__(self, cells: dict[str, Cells]) -> None:
        self.cells = cells

    @property
    def height(self) -> int:
        """The number of rows; 0 without columns, as in polars."""
        return max(map(len, self.cells.values()), default=0)

    @property
    def columns(self) -> list[str]:
        return list(self.cells)

    def get_column(self, name: str) -> PlainColumn:
        return PlainColumn(self.cells[name])


class PlainColumn:
    def __init__(self, cells: Cells) -> None:
        self._cells = cells

    def drop_nulls(self) -> list[str]:
        return [cell for cell in self._cells if cell is not None]


def is_small(rows: int, columns: int) -> bool:
    return rows <= MOST_ROWS and rows * columns <= MOST_CELLS
