"""Runs the image's programs the way the process runner does: import the libraries once, fork, run_path in the child.

One JSON command per line on stdin, one JSON answer per line on stdout. Started by the fixtures with any interpreter.
"""

import json
import os
import runpy
import signal
import sys
from pathlib import Path


def start(command):
    pid = os.fork()
    if pid:
        return pid
    try:
        os.environ.clear()
        os.environ.update(command["env"])
        for number, path in ((1, command["stdout"]), (2, command["stderr"])):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        sys.path[0] = str(Path(command["program"]).parent)
        runpy.run_path(command["program"], run_name="__main__")
        code = 0
    except SystemExit as stopped:
        if isinstance(stopped.code, str):
            sys.stderr.write(stopped.code)
        code = stopped.code if isinstance(stopped.code, int) else int(bool(stopped.code))
    except BaseException:
        import traceback

        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def wait(pid):
    _, status = os.waitpid(pid, 0)
    return -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


def main():
    import aiohttp.web  # noqa: F401
    import numpy as np  # noqa: F401
    import pandas as pd  # noqa: F401
    import xgboost  # noqa: F401

    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "start":
            answer = start(command)
        elif command["do"] == "stop":
            os.kill(command["pid"], signal.SIGTERM)
            answer = wait(command["pid"])
        else:
            answer = wait(command["pid"])
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
