"""One thing that is wrong: where, what, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class ValidationFinding:
    """``file`` is relative to the project; ``line`` 0 is the file, or folder, as a whole."""

    file: str
    line: int
    problem: str
    remedy: str

    @property
    def location(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def relative(file: Path, root: Path) -> str:
    """Return a path relative to the project."""
    try:
        return str(file.relative_to(root))
    except ValueError:
        return str(file)
