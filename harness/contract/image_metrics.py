"""The metric definitions that SageMaker adds itself for an image, from ``metrics.toml`` in the image's folder."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from harness.contract.catalog import load_catalog

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True)
class ImageMetrics:
    """The definitions of one image, and the text that every line with a metric contains."""

    definitions: tuple[Mapping[str, str], ...] = ()
    mark: str = ""

    def add_to(self, definitions: list[dict[str, str]]) -> list[dict[str, str]]:
        """Return the caller's definitions, and the image's for the names that the caller does not define."""
        names = {item["Name"] for item in definitions}
        return [*definitions, *(dict(item) for item in self.definitions if item["Name"] not in names)]


@cache
def metrics_of(name: str) -> ImageMetrics:
    """Return the metrics of the image ``name``, whatever runner has it; an image without any has no definitions."""
    folders = {image.folder for image in load_catalog() if image.name == name}
    files = [folder / "metrics.toml" for folder in folders if (folder / "metrics.toml").exists()]
    return _read(tomllib.loads(files[0].read_text())) if files else ImageMetrics()


def _read(table: Mapping[str, Any]) -> ImageMetrics:
    return ImageMetrics(
        tuple(
            {"Name": f"{data}:{metric}", "Regex": table["regex"].format(data=data, metric=metric)}
            for data in table["data"]
            for metric in table["metrics"]
        ),
        table["mark"],
    )
