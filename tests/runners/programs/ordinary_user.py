"""Runs jobs as whoever it is started as, and prints what came of them as JSON."""

import json
import sys
from pathlib import Path

from harness.runners.process.environments import Environments
from harness.runners.process.pool import WarmPool
from harness.runners.process.runner import ProcessRunner
from harness.runners.spec import Environment, Network, RunSpec

folder, roots = Path(sys.argv[1]), sys.argv[2]
runner = ProcessRunner(
    folder / "runs", environments=Environments(folder / "env"), roots=roots, pool=WarmPool(), hidden=(folder / "home",)
)
(folder / "home").mkdir()
(folder / "home" / "secret").touch()
found = {"granted": sorted(runner.host.granted), "describe": dict(runner.describe())}


def job(name, *argv, **more):
    root = folder / name
    root.mkdir()
    chunks = []
    outcome = runner.start(RunSpec(name, argv, Environment("own"), root, **more), chunks.append).wait(30)
    made = root / "made"
    found[name] = {
        "cause": outcome.cause.value,
        "code": outcome.code,
        "message": outcome.message,
        "text": b"".join(chunks).decode(),
        "owner": made.stat().st_uid if made.exists() else None,
    }


job("shell", "sh", "-c", "touch /opt/ml/made && id -u && ! ls $HOME/* %s/*" % (folder / "home"))
job("isolated", "true", network=Network.ISOLATED)
script = folder / "script.py"
script.write_text("open('/opt/ml/made', 'w').write('x'); raise SystemExit(5)")
job("warm", "python", str(script), preload=("json",), visible=(script,))
job("host", "sh", "-c", "touch /etc/made-by-a-job /usr/made-by-a-job")
runner.close()
found["left"] = [place.name for place in (folder / "runs").iterdir()]
print(json.dumps(found))
