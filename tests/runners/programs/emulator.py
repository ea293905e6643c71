"""Stands for the emulator: starts one job that leaves a daemon, says so, and waits to be killed."""

import sys
import threading
from pathlib import Path

from harness.runners.process.environments import Environments
from harness.runners.process.pool import WarmPool
from harness.runners.process.runner import ProcessRunner
from harness.runners.spec import Environment, RunSpec

folder, roots, how = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
programs = Path(__file__).parent
root = folder / "ml"
root.mkdir()
pool = WarmPool() if how == "warm" else None
runner = ProcessRunner(folder / "runs", environments=Environments(folder / "env"), roots=roots, pool=pool)
marker = "escaped" if roots == "environment" else "/opt/ml/escaped"
spec = RunSpec(
    name="victim",
    argv=("python", str(programs / "escape.py"), str(root / marker) if roots == "environment" else marker, "wait"),
    environment=Environment("own"),
    root=root,
    preload=("json",),
    visible=(programs,),
    needs_absolute_root=roots != "environment",
)
said = threading.Event()
run = runner.start(spec, lambda chunk: said.set())
said.wait(30)
print("pids", *run.pids(), *(pool.pids() if pool else ()), flush=True)
run.wait()
