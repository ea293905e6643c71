import atexit
import sys
import threading
import time

atexit.register(print, "at exit")


def late():
    time.sleep(0.2)
    print("thread")


threading.Thread(target=late).start()
print("main", file=sys.stderr)
raise SystemExit(4)
