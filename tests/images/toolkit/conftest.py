"""The toolkit's parts are imported as the images import them: with the toolkit's folder on the path."""

from __future__ import annotations

import sys
from pathlib import Path

IMAGES = Path(__file__).parents[3] / "harness" / "images"
sys.path.insert(0, str(IMAGES / "toolkit"))
