"""InvokeEndpoint through the emulator against a direct POST to the same kind of model server, on raw HTTP.

The direct server is the very same program, started by hand on loopback; the load comes from a process of its own.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from tests.benchmarks.machine import Machine, emulator, wait
from tests.benchmarks.models import booster, register, table
from tests.benchmarks.table import Figure

SECONDS = 4.0
SERVE = Path(__file__).parents[2] / "harness" / "images" / "xgboost" / "serve.py"


def measure() -> list[Figure]:
    model = booster()
    with emulator() as machine:
        through = _through(machine, model)
        with tempfile.TemporaryDirectory() as folder:
            direct = _direct(Path(folder), model)
    return [
        Figure("InvokeEndpoint, 8 clients, of direct requests/s", through[8]["rate"] / direct[8]["rate"] * 100,
               "%", 50, True, f"{through[8]['rate']:.0f}/s against {direct[8]['rate']:.0f}/s"),
        Figure("InvokeEndpoint, 1 client, added to the median", (through[1]["median"] - direct[1]["median"]) * 1000,
               "ms", 2.0, note=f"{through[1]['median'] * 1000:.2f} ms against {direct[1]['median'] * 1000:.2f} ms"),
    ]  # fmt: skip


def _through(machine: Machine, model: Any) -> dict[int, dict[str, float]]:
    register(machine, model, "bench")
    client = machine.client("sagemaker")
    variant = {"VariantName": "v", "ModelName": "bench", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    client.create_endpoint_config(EndpointConfigName="bench", ProductionVariants=[variant])
    client.create_endpoint(EndpointName="bench", EndpointConfigName="bench")
    answer = wait(lambda: client.describe_endpoint(EndpointName="bench"), "EndpointStatus", ("Creating",))
    if answer["EndpointStatus"] != "InService":
        raise RuntimeError(answer.get("FailureReason"))
    return _loads(machine.address, "/endpoints/bench/invocations")


def _direct(folder: Path, model: Any) -> dict[int, dict[str, float]]:
    (folder / "model").mkdir()
    model.save_model(folder / "model.ubj")
    (folder / "model.ubj").rename(folder / "model" / "xgboost-model")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    settings = {"SAGEMAKER_BASE_DIR": str(folder), "SAGEMAKER_BIND_TO_PORT": str(port), "HARNESS_IMAGE_TAG": "3.0-5"}
    with subprocess.Popen([sys.executable, str(SERVE)], env={**os.environ, **settings}) as process:
        try:
            _until_ping(port)
            return _loads(f"http://127.0.0.1:{port}", "/invocations")
        finally:
            process.terminate()


def _until_ping(port: int) -> None:
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2).close()
            return
        except urllib.error.URLError:
            time.sleep(0.05)


def _loads(address: str, path: str) -> dict[int, dict[str, float]]:
    row = ",".join(str(cell) for cell in table(1)[0])
    found = {}
    for clients in (1, 8):
        command = [sys.executable, "-m", "tests.benchmarks.load", address, path, row, str(clients), str(SECONDS)]
        found[clients] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return found
