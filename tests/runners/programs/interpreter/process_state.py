"""What a process inherits: descriptors, signals, limits, session, environment."""

import os
import resource
import signal
import threading
from pathlib import Path

print(sorted(int(entry.name) for entry in Path("/proc/self/fd").iterdir())[:-1], Path("/proc/self/fd/0").readlink())
print([str(signal.getsignal(number)) for number in sorted(signal.valid_signals())])
print(signal.pthread_sigmask(signal.SIG_BLOCK, []), signal.set_wakeup_fd(-1))
print(
    oct(os.umask(0)), os.getpid(), os.getsid(0) == os.getpgrp() == os.getpid(), Path.cwd(), os.getuid(), os.getgroups()
)
print([resource.getrlimit(limit) for limit in (resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)])
print(sorted(os.environ.items()), threading.current_thread().name, threading.active_count())
for line in Path("/proc/self/status").read_text().splitlines():
    if line.startswith(("Cap", "NoNewPrivs", "Seccomp:", "Groups")):
        print(line)
