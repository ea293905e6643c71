"""Baseline statistics of a wide table, from a local file to JSON, against polars reading and describing the same file.

Each side runs in a process of its own; the time is taken inside it, after its imports. Memory is the process's peak
as ``/proc`` has it: what ``getrusage`` says begins with the peak of whoever started the process.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import polars as pl

from tests.benchmarks.table import Figure

COLUMNS = 24
ANALYZER = Path(__file__).parents[2] / "harness" / "images" / "model-monitor-analyzer"

_ANALYZER = """
import json, re, sys, time
sys.path.insert(0, sys.argv[1])
import polars
import monitor_analyzer
config = monitor_analyzer.from_environment({
    "dataset_format": json.dumps({"csv": {"header": True}}), "dataset_source": sys.argv[2], "output_path": sys.argv[3],
    "publish_cloudwatch_metrics": "Disabled", "SAGEMAKER_BASE_DIR": sys.argv[3]})
begin = time.perf_counter()
monitor_analyzer.run(config)
taken = time.perf_counter() - begin
print(json.dumps([taken, int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024]))
"""

_POLARS = """
import glob, json, re, sys, time
import polars
begin = time.perf_counter()
polars.read_csv(glob.glob(sys.argv[1] + "/*.csv")[0]).describe().write_json(sys.argv[2] + "/described.json")
taken = time.perf_counter() - begin
print(json.dumps([taken, int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024]))
"""


def measure() -> list[Figure]:
    small, large, text = _pair(_numbers(1_000_000)), _pair(_numbers(5_000_000)), _pair(_texts(1_000_000))
    return [
        Figure("baseline statistics of 1,000,000 x 24, of polars describe", small[0] / small[2], "x", 3.0,
               note=f"{small[0]:.2f} s against {small[2]:.2f} s"),
        Figure("… of 5,000,000 x 24", large[0] / large[2], "x", note=f"{large[0]:.2f} s against {large[2]:.2f} s"),
        Figure("… peak memory at 1 M rows", small[1], "MB"),
        Figure("… peak memory at 5 M rows", large[1], "MB"),
        Figure("… of 1,000,000 x 24 mostly unique texts", text[0] / text[2], "x", 3.0,
               note=f"{text[0]:.2f} s against {text[2]:.2f} s"),
        Figure("… peak memory", text[1], "MB"),
    ]  # fmt: skip


def _pair(table: pl.DataFrame) -> tuple[float, float, float]:
    """``(analyzer seconds, its peak MB, polars seconds)``, medians of three alternating runs."""
    with tempfile.TemporaryDirectory() as name:
        data, out = Path(name) / "data", Path(name) / "out"
        data.mkdir()
        out.mkdir()
        table.write_csv(data / "table.csv")
        both = ((_ANALYZER, [str(ANALYZER), str(data), str(out)]), (_POLARS, [str(data), str(out)]))
        runs = [tuple(_run(code, *arguments) for code, arguments in both) for _ in range(3)]
    runs.sort(key=lambda pair: pair[0][0] / pair[1][0])
    (taken, memory), (theirs, _) = runs[1]
    return taken, memory, theirs


def _run(code: str, *arguments: str) -> list[float]:
    command = [sys.executable, "-c", code, *arguments]
    found: list[float] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found


def _numbers(rows: int) -> pl.DataFrame:
    """Codes, amounts and one column of fractions: the fixture's kind of table."""
    random = np.random.default_rng(7)
    columns = {f"code_{number}": random.integers(-2, 9, rows) for number in range(9)}
    columns |= {f"amount_{number}": random.integers(-10_000, 300_000, rows) for number in range(COLUMNS - 10)}
    return pl.DataFrame({"score": random.random(rows).round(6), **columns})


def _texts(rows: int) -> pl.DataFrame:
    """Identifiers and names: nearly every cell of a column differs from the others."""
    random = np.random.default_rng(7)
    kinds = (("", rows**2, "-id"), ("user ", rows * 5, ""), ("c", rows // 2, ""))
    texts = {}
    for number in range(COLUMNS):
        before, distinct, after = kinds[number % len(kinds)]
        texts[f"text_{number}"] = before + pl.Series(random.integers(0, distinct, rows)).cast(pl.String) + after
    return pl.DataFrame(texts)
