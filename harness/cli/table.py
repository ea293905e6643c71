"""Tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence


def align_columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the rows as lines with aligned columns; the first row holds the heads. Empty columns are left out."""
    filled = [column for column in range(len(rows[0])) if any(row[column] for row in rows[1:])]
    widths = [max(len(row[column]) for row in rows) for column in filled]
    return [
        "  ".join(f"{row[column]:<{width}}" for column, width in zip(filled, widths, strict=True)).rstrip()
        for row in rows
    ]
