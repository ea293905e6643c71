"""A load on raw HTTP from a process of its own: ``python -m tests.benchmarks.load ADDRESS PATH ROW CLIENTS SECONDS``.

Each client keeps one connection and sends the next request when the answer is complete. Prints rate and median latency.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from urllib.parse import urlsplit

# The scope of the credential is what tells the emulator which service a REST path belongs to.
_SCOPE = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sagemaker/aws4_request, SignedHeaders=host, Signature=0"


async def _client(host: str, port: int, request: bytes, until: float, taken: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while time.perf_counter() < until:
        begin = time.perf_counter()
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(head.decode())
        lines = head.lower().split(b"\r\n")
        await reader.readexactly(next(int(line[15:]) for line in lines if line.startswith(b"content-length:")))
        taken.append(time.perf_counter() - begin)
    writer.close()


async def _load(address: str, path: str, row: str, clients: int, seconds: float) -> dict[str, float]:
    host, port = urlsplit(address).hostname or "", urlsplit(address).port or 80
    head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: text/csv\r\nAuthorization: {_SCOPE}\r\n"
    request = f"{head}Content-Length: {len(row)}\r\n\r\n{row}".encode()
    await _client(host, port, request, time.perf_counter() + 0.5, [])  # warm up
    taken: list[float] = []
    begin = time.perf_counter()
    until = begin + seconds
    await asyncio.gather(*(_client(host, port, request, until, taken) for _ in range(clients)))
    return {"rate": len(taken) / (time.perf_counter() - begin), "median": statistics.median(taken)}


if __name__ == "__main__":
    address, path, row, clients, seconds = sys.argv[1:]
    print(json.dumps(asyncio.run(_load(address, path, row, int(clients), float(seconds)))))
