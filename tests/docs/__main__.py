"""``python -m tests.docs``: writes ``harness/docs/reference`` and the table of the README."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.docs.reference import PAGES
from tests.docs.reference.supported import README, readme_with_table

FOLDER = Path(__file__).parents[2] / "harness" / "docs" / "reference"

if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"wrote {FOLDER / name}\n")
    README.write_text(readme_with_table(README.read_text(encoding="utf-8")), encoding="utf-8")
    sys.stdout.write(f"wrote the table of {README}\n")
