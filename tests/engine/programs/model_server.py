"""A model server that speaks the serving contract and does what its environment and its callers tell it.

``PING`` is the status of /ping (``exit``: it ends instead), ``PARAMETERS`` the body of /execution-parameters.
``ANSWER`` says what becomes of a body: ``echo``, ``sizes`` (one line per row: how many cells), ``facts`` (what it was
asked, as JSON), ``labels`` (JSON Lines in, ``{"n": …}`` out), ``bodies`` (its length). ``REFUSE`` is a text no
body may hold. Custom attributes of one call: ``status=503``, ``sleep=2``, ``die``, ``hang-up``, ``huge``,
``headers`` (without an end).
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

ROOT = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
ATTRIBUTES = "X-Amzn-SageMaker-Custom-Attributes"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        print(f"GET {self.path}", flush=True)
        if self.path == "/ping":
            wanted = os.environ.get("PING", "200")
            if wanted == "exit":
                print("the server gives up", flush=True)
                os._exit(3)
            self.answer(int(wanted), b"")
        elif self.path == "/execution-parameters" and "PARAMETERS" in os.environ:
            self.answer(200, os.environ["PARAMETERS"].encode(), "application/json")
        else:
            self.answer(404, b"")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        print(f"POST {self.path} {len(body)}\n", end="", flush=True)  # in one piece: other threads write too
        told = self.headers.get(ATTRIBUTES, "")
        name, _, value = told.partition("=")
        if name == "sleep":
            time.sleep(float(value))
        if name == "die":
            os._exit(9)
        if name == "headers":
            with contextlib.suppress(OSError):
                self.wfile.write(b"HTTP/1.1 200 OK\r\n")
                while True:
                    self.wfile.write(b"X-Header: %b\r\n" % (b"x" * 1000))
        if name == "hang-up":
            self.close_connection = True
            return
        refused = os.environ.get("REFUSE", "")
        if name == "status":
            self.answer(int(value), f"told to answer {value}".encode(), "text/plain")
        elif refused and refused.encode() in body:
            self.answer(int(os.environ.get("REFUSE_STATUS", "400")), b"refused:\nnot this", "text/plain")
        else:
            self.answer(200, b"x" * (7 << 20) if name == "huge" else self.made_of(body))

    def made_of(self, body: bytes) -> bytes:
        kind = os.environ.get("ANSWER", "echo")
        if kind == "sizes":
            return b"".join(b"%d\n" % (line.count(b",") + 1) for line in body.splitlines() if line)
        if kind == "labels":
            return b"".join(b'{"n": %d}\n' % len(json.loads(line)) for line in body.splitlines() if line)
        if kind == "bodies":
            return b"%d" % len(body)
        if kind == "facts":
            files = {
                str(file.relative_to(ROOT / "model")): file.read_text()
                for file in sorted((ROOT / "model").rglob("*"))
                if file.is_file()
            }
            facts = {"pid": os.getpid(), "headers": dict(self.headers), "env": dict(os.environ), "files": files}
            return json.dumps({**facts, "body": body.decode()}).encode()
        return body

    def answer(self, status: int, body: bytes, kind: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind or self.headers.get("Content-Type") or "application/octet-stream")
        self.send_header("Content-Length", str(len(body)))
        if ATTRIBUTES in self.headers:
            self.send_header(ATTRIBUTES, "seen: " + self.headers[ATTRIBUTES])
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, *_: object) -> None:
        pass  # a client that went away


if __name__ == "__main__":
    if os.environ.get("START_WITH"):
        sys.exit(os.environ["START_WITH"])
    Server(("0.0.0.0", int(os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080"))), Handler).serve_forever()
