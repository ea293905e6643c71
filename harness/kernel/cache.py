"""The user's cache folder. Its content is built once on each machine and may be deleted at any time."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder(kind: str) -> Path:
    """Return the folder for one kind of cached files: below ``HARNESS_CACHE`` if set, else in the user's cache
    folder."""
    if chosen := os.environ.get("HARNESS_CACHE"):
        return Path(chosen).absolute() / kind
    cache = os.environ.get("XDG_CACHE_HOME")
    return (Path(cache) if cache else Path.home() / ".cache") / "harness" / kind
