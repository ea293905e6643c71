"""``harness run credit_default`` against a bare script that does the same work in one process, imports included."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.machine import emulator
from tests.benchmarks.table import Figure, seconds

ROOT = Path(__file__).parents[2]
TIMES = 3


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        tables = [_made(folder, []), _made(folder, ["--drifted", "--rows", "400"])]
        bare, cold = [], []
        _cold(folder, 0)  # generated tables and byte code are there from now on, for both sides
        for number in range(1, TIMES + 1):
            bare.append(seconds(lambda n=number: _bare(tables, folder / f"bare-{n}")))
            cold.append(seconds(lambda n=number: _cold(folder, n)))
        with emulator() as machine:
            warm = [seconds(lambda n=number: _run(machine.state, folder / f"warm-{n}")) for number in range(TIMES)]
    base = statistics.median(bare)
    return [
        Figure("run credit_default on a running emulator, of the bare script", statistics.median(warm[1:]) / base,
               "x", 2.0, note=f"{statistics.median(warm[1:]):.1f} s (first {warm[0]:.1f} s) against {base:.1f} s"),
        Figure("… from a cold start of everything", statistics.median(cold) / base, "x", 3.0,
               note=f"{statistics.median(cold):.1f} s"),
    ]  # fmt: skip


def _made(folder: Path, options: list[str]) -> Path:
    script = ROOT / "fixtures" / "credit_default" / "make.py"
    subprocess.run([sys.executable, str(script), "--out", str(folder), *options], check=True, capture_output=True)
    return folder / ("credit_default_drifted.csv" if options else "credit_default.csv")


def _bare(tables: list[Path], folder: Path) -> None:
    script = ROOT / "tests" / "benchmarks" / "bare_credit_default.py"
    subprocess.run([sys.executable, str(script), *map(str, tables), str(folder)], check=True, capture_output=True)


def _cold(folder: Path, number: int) -> None:
    _run(folder / f"state-{number}" / ".harness", folder / f"cold-{number}")


def _run(state: Path, report: Path) -> None:
    command = [sys.executable, "-m", "harness.cli", "run", "credit_default", "--report-dir", str(report)]
    settings = {**os.environ, "HARNESS_STATE": str(state), "HARNESS_PORT": "0"}
    done = subprocess.run(command, cwd=ROOT, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stdout + done.stderr)
