"""The world of a test, in every interpreter that has this folder on PYTHONPATH: AWS's hosts are the stand-in's.

Nothing of AWS's clients is touched. Names resolve to one port on loopback, no other machine exists, short waits are
shorter, and who sleeps for long finds that the time has passed: the engine's clock is moved on instead.
"""

import os
import socket
import time

LONG = 600.0
_resolve, _sleep = socket.getaddrinfo, time.sleep
_port = int(os.environ.get("AWS_STAND_IN_PORT", "0"))
_control = os.environ.get("AWS_STAND_IN_CONTROL", "")
_hurry = float(os.environ.get("AWS_STAND_IN_HURRY", "1"))


def getaddrinfo(host, port, *arguments, **options):
    name = host.decode("ascii") if isinstance(host, bytes) else host
    if name is None or name in ("localhost", "127.0.0.1", "::1", ""):
        return _resolve(host, port, *arguments, **options)
    if name.rstrip(".").endswith(".amazonaws.com"):
        return _resolve("127.0.0.1", _port, *arguments, **options)
    raise socket.gaierror(socket.EAI_NONAME, name + ": there is no such host in this test")


def sleep(seconds):
    if seconds < LONG:
        _sleep(seconds / _hurry)
        return
    import json
    import urllib.request

    asked = json.dumps({"seconds": seconds}).encode()
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(_control + "/__stand_in/clock", data=asked, headers=headers)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=600) as answer:
        answer.read()


if _port:
    socket.getaddrinfo = getaddrinfo
    time.sleep = sleep
