"""``python -m tests.docs``: writes ``harness/docs/reference``."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs.reference import PAGES

FOLDER = Path(__file__).parents[2] / "harness" / "docs" / "reference"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"wrote {FOLDER / name}\n")
