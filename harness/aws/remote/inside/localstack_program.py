"""Runs LocalStack in this interpreter, and ends with whoever holds the other end of standard input.

Stand-alone: started by LocalStack's own Python, which has no harness. A killed emulator closes the pipe, too.
"""

import os
import runpy
import signal
import sys
import threading

GRACE = 10.0


def watch() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    threading.Event().wait(GRACE)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=watch, daemon=True).start()
    sys.argv[:] = ["localstack"]
    runpy.run_module("localstack.runtime.main", run_name="__main__")
