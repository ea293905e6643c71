"""Ends well when asked to; or does not listen."""

import signal
import sys
import time


def end(*_):
    print("asked to end", flush=True)
    sys.exit(0)


signal.signal(signal.SIGTERM, signal.SIG_IGN if sys.argv[1] == "deaf" else end)
print("up", flush=True)
while True:
    time.sleep(0.05)
