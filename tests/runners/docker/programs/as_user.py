"""Runs one container as an ordinary user who may talk to the engine, and tells whose the files are that it leaves.

``as_user.py STATE IMAGE UID GROUP``; GROUP is the engine's.
"""

import encodings.idna  # noqa: F401
import json
import os
import shutil
import sys
from pathlib import Path

import docker.context  # noqa: F401  the interpreter's own files may be closed to an ordinary user
import docker.utils  # noqa: F401

from harness.runners.docker.engine import DockerEngine
from harness.runners.docker.images import Images
from harness.runners.docker.runner import DockerRunner
from harness.runners.spec import Container, Environment, RunSpec

state, image, user, group = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
os.setgroups([group])
os.setgid(user)
os.setuid(user)
os.environ["HOME"] = str(state)

root = state / "ml"
for name in ("model", "output"):
    (root / name).mkdir(parents=True)
engine = DockerEngine()
runner = DockerRunner(state / "runs", state, engine=engine, images=Images(engine, {}))
script = (
    "umask 077; mkdir -p /opt/ml/model/a/b; echo x > /opt/ml/model/a/b/c; ln -s /etc/passwd /opt/ml/output/link; id -u"
)
container = Container(image, ("sh", "-c", script))
said = []
run = runner.start(RunSpec("owned", (), Environment("harness"), root, container=container), said.append)
outcome = run.wait(60)
runner.close()
owners = sorted({path.lstat().st_uid for path in root.rglob("*")})
text = (root / "model" / "a" / "b" / "c").read_text() if owners == [user] else ""
if owners == [user]:
    shutil.rmtree(root)
print(json.dumps({"outcome": repr(outcome), "said": b"".join(said).decode(), "owners": owners, "text": text}))
