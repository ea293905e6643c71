"""Leaves a daemon behind that has its own session and no parent, and ends itself or waits."""

import os
import sys
import time

marker, then = sys.argv[1:]
if os.fork() == 0:
    os.setsid()
    if os.fork():
        os._exit(0)
    with open(marker, "w") as file:
        file.write("daemon")
    os.execvp("sleep", ["sleep", "3600.125"])
while not os.path.exists(marker):
    time.sleep(0.01)
print("escaped", flush=True)
if then == "wait":
    time.sleep(3600)
