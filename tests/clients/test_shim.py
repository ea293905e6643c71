"""The start-up shim as Python itself runs it: in a fresh interpreter, by PYTHONPATH."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.clients.environment import SHIM

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


OTHERS = [f"python{version}" for version in ("2.7", "3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13")]


def run(
    code: str, *, python: str = sys.executable, path: tuple[Path, ...] = (), **environment: str
) -> subprocess.CompletedProcess[str]:
    entries = os.pathsep.join(map(str, (SHIM, *path)))
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": entries, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    return subprocess.run([python, "-c", code], env=given, capture_output=True, text=True, timeout=60, check=False)


@functools.cache
def pythons() -> list[str]:
    """Every Python found here that starts; a version manager's placeholder for one that is not active does not."""
    roots = [Path(root) for root in (os.environ.get("PYENV_ROOT", ""), Path.home() / ".pyenv") if root]
    found = [str(file) for root in roots for file in sorted(root.glob("versions/*/bin/python"))]
    found += [path for name in OTHERS if (path := shutil.which(name)) and ".pyenv/shims" not in path]
    return list(dict.fromkeys([sys.executable, *found]))


@pytest.mark.parametrize("python", pythons())
def test_any_python_starts_silently_with_everything_switched_on(python: str) -> None:
    done = run("import os", python=python, AWS_ENDPOINT_URL="http://127.0.0.1:1", HARNESS_OFFLINE="1")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("python", pythons())
def test_the_hidden_sitecustomize_still_runs(python: str, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.path.append('added')\nvalue = 7\n")
    code = "import sys, sitecustomize; print('%s %s %s' % (sitecustomize.value, sys.path[-1], sys.path[1]))"
    done = run(code, python=python, path=(tmp_path,))
    assert done.stderr == ""
    assert done.stdout.split() == ["7", "added", str(SHIM)]


def test_an_error_in_the_hidden_sitecustomize_is_told_as_python_tells_it(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import no_such_module\n")
    done = run("print('runs')", path=(tmp_path,))
    assert done.stdout == "runs\n"
    assert "no_such_module" in done.stderr


def test_nothing_is_imported_by_the_shim_itself() -> None:
    code = (
        "import sys; print(sorted(set(sys.modules) & {'botocore', 'sagemaker', 'json', 'socket', 'threading', 're'}))"
    )
    assert run(code, AWS_ENDPOINT_URL="http://127.0.0.1:1").stdout == "[]\n"


CLIENTS = """
import boto3
session = boto3.Session("a", "b", region_name="eu-west-1")
make = lambda **more: session.client("sts", **more)
for url in ({urls}):
    print(make(endpoint_url=url).meta.endpoint_url)
print("harness-shim" in make()._client_config.user_agent)
"""


def test_hard_coded_aws_hosts_go_to_the_emulator_and_others_do_not() -> None:
    urls = "'https://sts.eu-west-1.amazonaws.com', 'https://x.amazonaws.com.cn/', 'https://example.com', None"
    done = run(CLIENTS.format(urls=urls), AWS_ENDPOINT_URL="http://127.0.0.1:77")
    here = "http://127.0.0.1:77"
    assert done.stdout.split() == [here, here, "https://example.com", here, "True"], done.stderr


def test_without_an_emulator_clients_are_left_alone() -> None:
    done = run(CLIENTS.format(urls="'https://sts.eu-west-1.amazonaws.com',"))
    assert done.stdout.split() == ["https://sts.eu-west-1.amazonaws.com", "False"]


def test_the_sdks_waiting_functions_look_often_and_time_sleep_is_untouched() -> None:
    code = """
import time
untouched = time.sleep
from sagemaker import session, utils
begin = time.perf_counter()
assert session._wait_until(lambda: "done", 30) == "done"
for number in utils.retries(3, "waited", seconds_to_sleep=60):
    if number == 2:
        break
print(time.perf_counter() - begin < 5, time.sleep is untouched)
print(session.time is not time, session.time.monotonic is time.monotonic)
"""
    done = run(
        code, AWS_ENDPOINT_URL="http://127.0.0.1:1", AWS_DEFAULT_REGION="us-east-1", SAGEMAKER_SUPPRESS_V2_WARNING="1"
    )
    assert done.stdout.split()[-4:] == ["True"] * 4, done.stderr


def test_a_module_loaded_through_the_shim_looks_like_any_other() -> None:
    code = (
        "import inspect, pkgutil, botocore.session as s, botocore.waiter as w; "
        "print('class Session' in inspect.getsource(s), type(s.__loader__).__name__, w.Waiter.wait.__module__)"
    )
    assert run(code, AWS_ENDPOINT_URL="http://127.0.0.1:1").stdout.split() == [
        "True",
        "SourceFileLoader",
        "sitecustomize",
    ]


OFFLINE = """
import socket
def told(what):
    try:
        what()
    except OSError as error:
        return type(error).__name__ + " " + str(error)
    return "passed"
server = socket.create_server(("127.0.0.1", 0))
print(told(lambda: socket.create_connection(server.getsockname())))
print(told(lambda: socket.create_connection(("localhost", server.getsockname()[1]))))
print(told(lambda: socket.socket(socket.AF_UNIX).connect("/no/such/socket")))
print(told(lambda: socket.create_connection(("192.0.2.7", 443), timeout=1)))
print(told(lambda: socket.getaddrinfo("example.com", 443)))
print(told(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("192.0.2.9", 53))))
print(told(lambda: socket.getaddrinfo("127.0.0.1", 80)))
"""


def test_offline_only_loopback_can_be_reached_and_the_refused_host_is_named() -> None:
    done = run(OFFLINE, HARNESS_OFFLINE="1")
    lines = done.stdout.splitlines()
    assert lines[:2] == ["passed", "passed"]
    assert lines[2].startswith("FileNotFoundError")
    for line, host in zip(lines[3:6], ("192.0.2.7:443", "example.com:443", "192.0.2.9:53"), strict=True):
        assert line.startswith(f"RefusedHost harness: refused to reach {host}: this run is offline,")
    assert lines[6] == "passed"
    assert [line.split(":")[1].split()[-1] for line in done.stderr.splitlines()] == [
        "192.0.2.7",
        "example.com",
        "192.0.2.9",
    ]


def test_a_listed_host_may_be_looked_up() -> None:
    code = "import socket, sys\nsys.audit('socket.getaddrinfo', 'Models.Example', 443, 0, 0, 0)\nprint('passed')"
    assert run(code, HARNESS_OFFLINE="1", HARNESS_OFFLINE_ALLOW="models.example").stdout == "passed\n"
    assert "RefusedHost" in run(code, HARNESS_OFFLINE="1").stderr


def test_settings_are_checked_once_and_wrong_ones_always(tmp_path: Path) -> None:
    """SDK v2 checks its settings file at every look-up; what was found valid stays so, until it changes."""
    program = """
import jsonschema, sagemaker.config.config as config
from sagemaker.utils import resolve_value_from_config
checks, original = [], jsonschema.validate
config.jsonschema.validate = lambda *given: (checks.append(1), original(*given))
settings = {"SchemaVersion": "1.0", "SageMaker": {"Model": {"EnableNetworkIsolation": True}}}
for _ in range(5):
    found = resolve_value_from_config(config_path="SageMaker.Model.EnableNetworkIsolation", default_value=False,
                                      sagemaker_session=type("S", (), {"sagemaker_config": settings, "settings": None}))
    assert found is True, found
assert len(checks) == 1, checks
settings["SageMaker"]["Model"]["EnableNetworkIsolation"] = "maybe"
for _ in range(2):
    try:
        config.validate_sagemaker_config(settings)
    except jsonschema.ValidationError:
        continue
    raise AssertionError("a wrong setting passed")
assert len(checks) == 3, checks
print("fine")
"""
    environment = {**os.environ, "PYTHONPATH": str(SHIM), "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False)
    assert done.stdout.endswith("fine\n"), done.stderr
