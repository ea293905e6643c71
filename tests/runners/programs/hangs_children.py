"""Imported by a warm parent it makes every forked child hang, as a library with a thread pool of its own can."""

import os
import time

os.register_at_fork(after_in_child=lambda: time.sleep(600))
