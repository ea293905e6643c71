"""A user's program that looks for the world: every way out it knows, and what came of each. Prints JSON."""

import json
import os
import socket
import subprocess
import sys
import urllib.request

PLACES = ("https://example.com/", "http://example.com/", "https://sts.us-east-1.amazonaws.com/", "http://8.8.8.8/")
found = {}


def note(way, place, look):
    try:
        look()
        found[f"{way} {place}"] = None
    except Exception as error:
        found[f"{way} {place}"] = f"{type(error).__name__}: {error} {body(error)}"


def body(error):
    """The page a refusal came with, if it came with one."""
    return error.read().decode() if hasattr(error, "read") else ""


def by_requests(place):
    import requests

    answer = requests.get(place, timeout=5)
    if answer.status_code == 403:
        raise OSError(answer.text)


def by_datagram():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(b"hello", ("8.8.8.8", 53))


def by_curl(place):
    done = subprocess.run(["curl", "-sS", "--max-time", "5", place], capture_output=True, text=True, check=False)
    if done.returncode or "refused" in done.stdout:
        raise OSError(done.stdout + done.stderr)


def by_itself(place):
    """Another Python, which skips the start-up shim and the proxy."""
    code = f"import socket; socket.create_connection(('{place}', 443), timeout=5)"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(done.stderr.splitlines()[-1])


for place in PLACES:
    note("urllib", place, lambda: urllib.request.urlopen(place, timeout=5))
    note("requests", place, lambda: by_requests(place))
    if "curl" in sys.argv:
        note("curl", place, lambda: by_curl(place))
note("socket", "8.8.8.8", lambda: socket.create_connection(("8.8.8.8", 53), timeout=5))
note("socket", "example.com", lambda: socket.create_connection(("example.com", 80), timeout=5))
note("lookup", "example.com", lambda: socket.getaddrinfo("example.com", 80))
note("datagram", "8.8.8.8", by_datagram)
if "isolated" in sys.argv:
    note("python -I", "8.8.8.8", lambda: by_itself("8.8.8.8"))

# What is to be reached all the same.
own = socket.create_server(("127.0.0.1", 0))
socket.create_connection(own.getsockname(), timeout=5).close()
direct = urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_harness/health", timeout=5).status
print()
print(json.dumps({"found": found, "emulator": direct}))
sys.exit(int(os.environ.get("END_WITH", "0")))
