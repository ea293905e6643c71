"""Leaves a daemon behind that has its own session and no parent, and ends itself or waits."""

import os
import sys
import time
from pathlib import Path

marker, then = Path(sys.argv[1]), sys.argv[2]
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    marker.touch()
    os.execvp("sleep", ["sleep", "3600.125"])
while not marker.exists():
    time.sleep(0.01)
print("escaped", flush=True)
if then == "wait":
    time.sleep(3600)
