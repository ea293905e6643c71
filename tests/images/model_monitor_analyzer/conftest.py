"""A processing job's folder for the analyzer: write its inputs, run it, read what it left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

IMAGE = Path(__file__).parents[3] / "harness" / "images" / "model-monitor-analyzer"
# The program is started with its own folder first on the path; tests of its parts import them the same way.
sys.path.insert(0, str(IMAGE))

WINDOW = {"start_time": "2024-05-01T10:00:00Z", "end_time": "2024-05-01T11:00:00Z"}


@dataclass(frozen=True)
class Ending:
    code: int
    message: str
    root: Path

    def file(self, name: str) -> Any:
        return json.loads((self.root / "processing" / "output" / name).read_text())

    def feature(self, name: str, file: str = "statistics.json") -> dict[str, Any]:
        return next(entry for entry in self.file(file)["features"] if entry["name"] == name)

    @property
    def names(self) -> list[str]:
        return [entry["name"] for entry in self.file("statistics.json")["features"]]

    @property
    def violations(self) -> set[tuple[str, str]]:
        found = self.file("constraint_violations.json")["violations"]
        return {(entry["feature_name"], entry["constraint_check_type"]) for entry in found}

    def description(self, check: str) -> str:
        found = self.file("constraint_violations.json")["violations"]
        return next(entry["description"] for entry in found if entry["constraint_check_type"] == check)

    @property
    def metrics(self) -> list[dict[str, Any]]:
        path = self.root / "output" / "metrics" / "cloudwatch" / "cloudwatch_metrics.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


class Job:
    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self._monkeypatch = monkeypatch

    def write(self, path: str, content: str | bytes) -> str:
        """Puts a file below /opt/ml; the answer is the path the job would name."""
        target = self.root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return f"/opt/ml/{path}"

    def data(self, content: str | bytes, name: str = "data.csv") -> None:
        self.write(f"processing/input/{name}", content)

    def environment(self, dataset_format: Any, /, **settings: str) -> dict[str, str]:
        return {
            "dataset_format": json.dumps(dataset_format),
            "dataset_source": "/opt/ml/processing/input",
            "output_path": "/opt/ml/processing/output",
            "SAGEMAKER_BASE_DIR": str(self.root),
            **settings,
        }

    def run(self, dataset_format: Any, /, **settings: str) -> Ending:
        """In this process; the real thing is `run_program`."""
        from monitor_analyzer.entry import main

        with self._monkeypatch.context() as patch:
            for name in ("dataset_format", "dataset_source", "output_path"):
                patch.delenv(name, raising=False)
            for name, value in self.environment(dataset_format, **settings).items():
                patch.setenv(name, value)
            return self.ending(main())

    def run_program(self, environment: dict[str, str]) -> Ending:
        done = subprocess.run(
            [sys.executable, str(IMAGE / "analyze.py")],
            env={"PATH": os.environ["PATH"], **environment},
            capture_output=True,
            text=True,
            timeout=50,
        )
        ending = self.ending(done.returncode)
        assert ending.message in (done.stderr if done.returncode else done.stdout)
        return ending

    def ending(self, code: int) -> Ending:
        message = self.root / "output" / "message"
        return Ending(code, message.read_text() if message.exists() else "", self.root)

    def baseline(self, content: str | bytes, dataset_format: Any, /, **settings: str) -> dict[str, str]:
        """Runs a baseline job; the answer is what a monitoring job's environment says about its results."""
        self.data(content, "baseline.data")
        ending = self.run(dataset_format, **settings)
        assert ending.code == 0, ending.message
        (self.root / "processing/input/baseline.data").unlink()
        output = self.root / "processing" / "output"
        constraints, statistics = "processing/baseline/constraints.json", "processing/baseline/statistics.json"
        return {
            "baseline_constraints": self.write(constraints, (output / "constraints.json").read_bytes()),
            "baseline_statistics": self.write(statistics, (output / "statistics.json").read_bytes()),
        }

    def edit(self, path: str, change: Any) -> None:
        """`change` is called with the parsed file and alters it in place."""
        file = self.root / path.removeprefix("/opt/ml/")
        value = json.loads(file.read_text())
        change(value)
        file.write_text(json.dumps(value))


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Job:
    return Job(tmp_path / "ml", monkeypatch)


def captured(
    answer: str | None = None,
    request: str | None = None,
    *,
    encoding: str = "CSV",
    time: str = "2024-05-01T10:30:00Z",
    content_type: str = "text/csv",
) -> str:
    """One line of a capture file."""
    data: dict[str, Any] = {}
    for side, mode, text in (("endpointInput", "INPUT", request), ("endpointOutput", "OUTPUT", answer)):
        if text is not None:
            data[side] = {"observedContentType": content_type, "mode": mode, "data": text, "encoding": encoding}
    metadata = {"eventId": "e-1", "customAttributes": ["tag=1"], "inferenceTime": time}
    return json.dumps({"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}) + "\n"
