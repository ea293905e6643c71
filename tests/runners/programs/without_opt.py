"""Moves into a root without /opt (in a mount namespace of its own, as root) and runs a job there."""

import os
import sys
from pathlib import Path

from harness.runners.process.environments import Environments
from harness.runners.process.inside import linux
from harness.runners.process.runner import ProcessRunner
from harness.runners.spec import Environment, RunSpec

bare, folder = Path(sys.argv[1]), Path(sys.argv[2])
linux.unshare(linux.CLONE_NEWNS)
linux.mount(None, "/", None, linux.MS_REC | linux.MS_PRIVATE)
linux.mount("bare", str(bare), "tmpfs")
for entry in Path("/").iterdir():
    place = bare / entry.name
    if entry.is_symlink():
        place.symlink_to(entry.readlink())
    elif entry.is_dir() and entry.name != "opt":
        place.mkdir()
        linux.mount(str(entry), str(place), None, linux.MS_BIND | linux.MS_REC)
(bare / ".old").mkdir()
linux.pivot_root(str(bare), str(bare / ".old"))
os.chdir("/")
linux.detach("/.old")
(folder / "ml").mkdir()
runner = ProcessRunner(folder / "runs", environments=Environments(folder / "env"), roots="namespace")
spec = RunSpec("job", ("sh", "-c", "touch /opt/ml/made; ls /opt"), Environment("own"), folder / "ml")
outcome = runner.start(spec, lambda chunk: print(chunk.decode(), end="", flush=True)).wait(30)
runner.close()
print(outcome.code, outcome.message, (folder / "ml" / "made").exists(), Path("/opt").exists())
