"""Functions that the oldest XGBoost needs and that later Pythons no longer have."""

from __future__ import annotations

import collections
import collections.abc

from .versions import Version

SINCE_MAPPING_FROM_ABC = (0, 90)


def prepare_python(version: Version) -> None:
    """Put Mapping back where XGBoost 0.72 looks for it, and Python had it until 3.9."""
    if version.xgboost < SINCE_MAPPING_FROM_ABC and not hasattr(collections, "Mapping"):
        collections.Mapping = collections.abc.Mapping  # type: ignore[attr-defined]
