"""Becomes a host that refuses namespaces, as Docker's default filter does, and says what jobs get there."""

import errno
import json
import platform
import shutil
import sys
from pathlib import Path

from harness.runners.process.environments import Environments
from harness.runners.process.inside import filters
from harness.runners.process.runner import ProcessRunner
from harness.runners.spec import Environment, Network, RunSpec

folder = Path(sys.argv[1])
wrapper = shutil.which("proot") if sys.argv[2] == "proot" else None
if wrapper is None:
    shutil.which = lambda name, **more: None
filters.refuse(({"x86_64": 272, "aarch64": 97}[platform.machine()],), errno.EPERM)
runner = ProcessRunner(folder / "runs", environments=Environments(folder / "env"))
found = {"roots": runner.host.roots.value, "describe": dict(runner.describe()), "proot": wrapper}
for name, more in {
    "absolute": {},
    "isolated": {"network": Network.ISOLATED},
    "relative": {"needs_absolute_root": False},
}.items():
    (folder / name).mkdir()
    command = "touch ${SAGEMAKER_BASE_DIR:-/opt/ml}/made"
    spec = RunSpec(name, ("sh", "-c", command), Environment("own"), folder / name, **more)
    outcome = runner.start(spec, lambda chunk: print(chunk, file=sys.stderr)).wait(30)
    found[name] = [outcome.cause.value, outcome.code, outcome.message, (folder / name / "made").exists()]
runner.close()
print(json.dumps(found))
