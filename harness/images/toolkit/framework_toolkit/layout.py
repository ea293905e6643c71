"""Paths of the container contract; SAGEMAKER_BASE_DIR replaces ``/opt/ml``."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any


class Layout:
    """The folders and files below ``/opt/ml``."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.code = base / "code"
        self.model = base / "model"
        self.input = base / "input"
        self.input_config = base / "input" / "config"
        self.output = base / "output"
        self.output_data = base / "output" / "data"
        self.intermediate = base / "output" / "intermediate"
        self.failure = base / "output" / "failure"
        self.success = base / "output" / "success"

    def channel(self, name: str) -> Path:
        return self.input / "data" / name

    def read_config(self, name: str) -> dict[str, Any]:
        """Return the content of ``input/config/<name>.json``; empty if there is no such file."""
        path = self.input_config / (name + ".json")
        if not path.exists():
            return {}
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return content


def current_layout() -> Layout:
    return Layout(Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")))
