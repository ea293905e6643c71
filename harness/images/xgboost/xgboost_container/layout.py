"""Paths of the container contract (SAGEMAKER_BASE_DIR replaces /opt/ml), and reading the job's settings."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import PlatformError


@dataclass(frozen=True)
class Layout:
    base: Path

    @property
    def model(self) -> Path:
        return self.base / "model"

    @property
    def output_data(self) -> Path:
        return self.base / "output" / "data"

    @property
    def failure(self) -> Path:
        return self.base / "output" / "failure"

    @property
    def success(self) -> Path:
        return self.base / "output" / "success"

    def channel(self, name: str) -> Path:
        return self.base / "input" / "data" / name

    def read_config(self, name: str) -> dict[str, Any]:
        path = self.base / "input" / "config" / (name + ".json")
        if not path.exists():
            raise PlatformError("{} does not exist".format(path))
        with path.open(encoding="utf-8") as stream:
            content: dict[str, Any] = json.load(stream)
        return content

    def checkpoint_directory(self) -> Path | None:
        """LocalPath of the job's CheckpointConfig, if it has one."""
        if not (self.base / "input" / "config" / "checkpointconfig.json").exists():
            return None
        local_path = self.read_config("checkpointconfig").get("LocalPath")
        return Path(local_path) if local_path else None


def current_layout() -> Layout:
    return Layout(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))
