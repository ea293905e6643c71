"""A warm start gives what a cold start gives, sooner."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.runners.process.inside import processes
from harness.runners.process.pool import Kind, WarmPool
from harness.runners.spec import Cause, Outcome, RunSpec
from tests.runners.conftest import OWN, PROGRAMS, Workbench, eventually, workbench

INTERPRETER = PROGRAMS / "interpreter"
PRELOAD = ("json", "decimal")


@pytest.mark.parametrize("program", sorted(path.name for path in INTERPRETER.glob("*") if path.name != "__pycache__"))
def test_program_cannot_tell(warm: Workbench, program: str) -> None:
    argv = ("python", str(INTERPRETER / program), "--alpha", "0.1")
    files = []
    ends = []
    for preload in ((), PRELOAD):
        outcome, text = warm.job(*argv, preload=preload, env={"PYTHONDONTWRITEBYTECODE": "1"})
        left = warm.folder / f"ml-{warm._count}" / "left"
        files.append(left.read_text() if left.exists() else None)
        ends.append((outcome.cause, outcome.code, text))
    assert len(_pids(warm)) == 1, "it was not started warm"
    assert ends[0] == ends[1]
    assert files[0] == files[1]


def test_module_is_run_like_a_script(warm: Workbench) -> None:
    argv = ("python", "-m", "package.inner", "x")
    package = warm.folder / "ml" / "package"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "inner.py").write_text("import sys; print(__name__, __spec__.name, sys.argv[1:], sys.path[0])")
    ends = [warm.job(*argv, cwd="/opt/ml", preload=preload, root=warm.folder / "ml") for preload in ((), PRELOAD)]
    assert ends[0][1] == ends[1][1] == "__main__ package.inner ['x'] /opt/ml\n"


def test_random_numbers_differ_between_jobs(warm: Workbench) -> None:
    code = "import random, uuid, numpy; print(random.random(), uuid.uuid4(), numpy.random.rand())"
    texts = [_python(warm, code, preload=("random", "numpy.random"))[1].split() for _ in range(2)]
    assert all(first != second for first, second in zip(*texts, strict=True))


def test_parallel_regions_run_on_all_processors_in_a_forked_child(warm: Workbench) -> None:
    code = """
import os, numpy, xgboost
numpy.random.rand(600, 600) @ numpy.random.rand(600, 600)
data = xgboost.DMatrix(numpy.random.rand(2000, 5), numpy.random.randint(0, 2, 2000))
booster = xgboost.train({"objective": "binary:logistic"}, data, 5)
print(booster.num_boosted_rounds(), len(os.listdir("/proc/self/task")) >= len(os.sched_getaffinity(0)))
"""
    pytest.importorskip("xgboost")
    for _ in range(2):
        outcome, text = _python(warm, code, preload=("numpy", "xgboost"), time_limit=30, grace=1)
        assert (outcome.cause, outcome.code, text) == (Cause.EXITED, 0, "5 True\n")
    assert len(_pids(warm)) == 1


def test_prepared_parent_is_the_one_that_forks(warm: Workbench) -> None:
    _warm(warm, PRELOAD)
    (parent,) = _pids(warm)
    assert "json+decimal" in warm.runner.describe()["warm parents"]
    outcome, text = _python(warm, "import sys; print('decimal' in sys.modules)", preload=PRELOAD)
    assert (outcome.code, text) == (0, "True\n")
    assert _pids(warm) == (parent,)


def test_variables_read_while_importing_have_a_parent_of_their_own(warm: Workbench) -> None:
    code = "import sys; print(sys.flags.hash_randomization, hash('a') % 1000)"
    texts = [_python(warm, code, preload=PRELOAD, env={"PYTHONHASHSEED": "7"})[1] for _ in range(2)]
    assert texts[0] == texts[1] == _python(warm, code, env={"PYTHONHASHSEED": "7"})[1]


def test_parent_that_cannot_import_leaves_a_cold_start(warm: Workbench) -> None:
    _warm(warm, ("no_such_module",))
    assert "no_such_module always cold" in warm.runner.describe()["warm parents"]
    outcome, text = _python(warm, "print('ran')", preload=("no_such_module",))
    assert (outcome.code, text) == (0, "ran\n")


@pytest.mark.parametrize("number", [signal.SIGSTOP, signal.SIGKILL])
def test_parent_that_does_not_answer_leaves_a_cold_start(warm: Workbench, number: int) -> None:
    _warm(warm, PRELOAD)
    (parent,) = _pids(warm)
    os.kill(parent, number)
    outcome, text = _python(warm, "print('ran once')", preload=PRELOAD)
    assert (outcome.code, text) == (0, "ran once\n")
    assert not Path(f"/proc/{parent}").exists()


def test_child_that_hangs_is_killed_and_started_cold(warm: Workbench) -> None:
    hanging: dict[str, Any] = {"preload": ("hangs_children",), "env": {"PYTHONPATH": str(PROGRAMS)}}
    outcome, text = _python(warm, "print('ran')", **hanging)
    assert (outcome.code, text) == (0, "ran\n")
    (parent,) = _pids(warm)
    eventually(lambda: processes.children(parent) == [])
    _python(warm, "print('ran')", **hanging)
    assert _pids(warm) == ()
    assert "hangs_children always cold: its children hang" in warm.runner.describe()["warm parents"]


def test_other_programs_are_started_cold(warm: Workbench) -> None:
    outcome, text = warm.job("sh", "-c", "echo shell; exit 2", preload=PRELOAD)
    assert (outcome.code, text) == (2, "shell\n")
    assert _pids(warm) == ()


def test_warm_job_is_stopped_like_any_other(warm: Workbench) -> None:
    run, output = warm.start("python", str(PROGRAMS / "polite.py"), "obeys", preload=PRELOAD)
    eventually(lambda: b"up" in b"".join(output))
    run.stop()
    outcome = run.wait(20)
    assert outcome is not None
    assert (outcome.cause, outcome.code) == (Cause.STOPPED, 0)


def test_parents_are_capped_and_do_not_idle_for_ever(tmp_path: Path) -> None:
    with workbench(tmp_path, None, pool=WarmPool(limit=1, idle_seconds=3.0)) as bench:
        _warm(bench, ("json",))
        first = _pids(bench)
        _warm(bench, ("decimal",))
        assert len(_pids(bench)) == 1
        assert not Path(f"/proc/{first[0]}").exists()
        eventually(lambda: _pids(bench) == (), seconds=30)


def _warm(bench: Workbench, preload: tuple[str, ...]) -> None:
    bench.runner.warm(RunSpec("warm", (), OWN, Path(), preload=preload))


def _pids(bench: Workbench) -> tuple[int, ...]:
    assert bench.runner._pool is not None
    return bench.runner._pool.pids()


def _python(bench: Workbench, code: str, **more: Any) -> tuple[Outcome, str]:
    """Run the code as a script of the job's own."""
    root = bench.folder / "ml"
    root.mkdir(exist_ok=True)
    (root / "code.py").write_text(code)
    return bench.job("python", "/opt/ml/code.py", root=root, **more)


def test_a_parent_that_shares_modules_with_another_is_forked_from_it() -> None:
    pool = WarmPool()
    python = Path(sys.executable)
    try:
        first = pool.warm(Kind(python, ("json", "csv", "xml.dom")))
        second = pool.warm(Kind(python, ("json", "csv", "decimal")))
        other = pool.warm(Kind(python, ("json", "decimal"), frozenset({("TZ", "UTC")})))
        assert _parent_of(second.process.pid) == first.process.pid
        assert _parent_of(other.process.pid) == os.getpid()
        pool.discard(first)
        assert second.process.poll() is None
    finally:
        pool.close()
    assert second.process.poll() is not None
    assert other.process.poll() is not None


def _parent_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
