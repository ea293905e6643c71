"""Ends well when asked to; or does not listen."""

import os
import signal
import sys
import time


def end(*_):
    os.write(1, b"asked to end\n")  # printing is not allowed here: it may have been interrupted
    sys.exit(0)


signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1] == "deaf" else end)
print("up", flush=True)
while True:
    time.sleep(0.05)
