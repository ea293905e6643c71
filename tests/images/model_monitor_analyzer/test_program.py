"""The program as the runners start it: a fresh interpreter, or a fork of a parent that imported numpy."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from .conftest import IMAGE, Job

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


CSV = {"csv": {"header": True}}
FORK = """
import os, runpy, sys
import numpy
child = os.fork()
if child == 0:
    sys.path.insert(0, os.path.dirname(sys.argv[1]))
    try:
        runpy.run_path(sys.argv[1], run_name="__main__")
    except SystemExit as ending:
        sys.stdout.flush()
        os._exit(ending.code or 0)
    os._exit(99)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_fresh_interpreter(job: Job) -> None:
    job.data("a,b\n1,x\n2,x\n")
    ending = job.run_program(job.environment(CSV))
    assert (ending.code, ending.message) == (0, "Completed: Job completed successfully with no violations.")
    assert ending.names == ["a", "b"]


def test_error_run_is_not_zero(job: Job) -> None:
    ending = job.run_program(job.environment(CSV, analysis_type="MODEL_QUALITY"))
    assert ending.code == 1
    assert ending.message.startswith("Error: analysis_type 'MODEL_QUALITY'")


def test_fork_of_a_warm_parent(job: Job) -> None:
    job.data("a,b\n" + "1,x\n2,y\n" * 5000)
    environment = {"PATH": os.environ["PATH"], **job.environment(CSV)}
    command = [sys.executable, "-c", FORK, str(IMAGE / "analyze.py")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stderr
    assert job.ending(0).message == "Completed: Job completed successfully with no violations."


def test_import_is_light() -> None:
    """A parent that preloads the package must not start polars' threads."""
    heavy = {"polars", "scipy", "datasketches"}
    code = f"import sys, monitor_analyzer; print(sorted({heavy} & set(sys.modules)))"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(IMAGE)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=50)
    assert done.stdout.strip() == "[]", done.stderr
