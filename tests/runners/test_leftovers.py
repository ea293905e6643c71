"""What is left when the emulator is killed with SIGKILL: nothing that runs, and folders that the next start removes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.runners.process import folders
from harness.runners.process.environments import Environments
from harness.runners.process.runner import ProcessRunner
from tests.runners.conftest import PROGRAMS, Workbench, eventually

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize("how", ["cold", "warm"])
def test_jobs_die_with_the_emulator(bench: Workbench, tmp_path: Path, how: str) -> None:
    place = tmp_path / "emulator"
    place.mkdir()
    emulator = _emulator(place, bench.roots, how)
    with emulator:
        assert emulator.stdout is not None
        pids = [int(word) for word in emulator.stdout.readline().split()[1:]]
        emulator.kill()
    assert len(pids) >= 2
    eventually(lambda: not [pid for pid in pids if Path(f"/proc/{pid}").exists()])
    runner = ProcessRunner(place / "runs", environments=Environments(place / "env"), roots=bench.roots)
    assert "folder of job victim" in runner.sweep()
    assert list((place / "runs").iterdir()) == []
    assert runner.sweep() == []
    assert (place / "ml" / "escaped").exists()


def test_sweep_leaves_living_runners_alone(bench: Workbench) -> None:
    run, _ = bench.start("sleep", "60")
    eventually(run.pids)
    other = ProcessRunner(bench.folder / "runs", environments=Environments(bench.folder / "env"), roots=bench.roots)
    assert other.sweep() == []
    assert run.pids()
    run.kill()


def test_program_that_lost_its_attendant_is_found(bench: Workbench) -> None:
    if bench.roots != "environment":
        pytest.skip("the attendant is out of the program's reach")
    run, output = bench.start("sh", "-c", "echo up; kill -9 $PPID; setsid sleep 3600.25; sleep 3600.5")
    outcome = run.wait(30)
    assert outcome is not None, output
    assert outcome.code == 137
    assert folders.users_of(bench.folder / "runs") == []


def test_close_ends_what_runs(bench: Workbench) -> None:
    run, output = bench.start("python", str(PROGRAMS / "polite.py"), "obeys")
    eventually(lambda: b"up" in b"".join(output))
    bench.runner.close()
    outcome = run.wait(0)
    assert outcome is not None
    assert outcome.code == 0
    refused, _ = bench.job("true")
    assert "stopping" in refused.message


def _emulator(place: Path, roots: str, how: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, str(PROGRAMS / "emulator.py"), str(place), roots, how],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(REPOSITORY), "PATH": os.environ["PATH"]},
    )
