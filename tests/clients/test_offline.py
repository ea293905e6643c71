"""Offline means offline: whatever a program tries, in both ways of holding it back, and what it is told."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.clients.conftest import PROGRAMS, Client, Ended

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


CURL = ["curl"] if shutil.which("curl") else []


def check_refused(ended: Ended) -> None:
    assert ended.code == 7, ended.text
    told = json.loads(next(line for line in reversed(ended.lines) if line.startswith("{")))
    assert told["emulator"] == 200
    reached = [way for way, error in told["found"].items() if error is None]
    assert reached == []
    # Each refusal names who was asked for, but where nobody who knows is asked; curl shows nothing of a proxy's words.
    mute = ("python -I", "curl https")
    silent = {way: error for way, error in told["found"].items() if not way.startswith(mute)}
    hosts = ("example.com", "sts.us-east-1.amazonaws.com", "8.8.8.8")
    assert {way: error for way, error in silent.items() if not any(host in error for host in hosts)} == {}
    for host in ("example.com", "8.8.8.8"):
        assert f"harness: refused to reach {host}" in ended.text


@pytest.mark.needs("namespaces")
def test_in_a_namespace(client: Client) -> None:
    check_refused(client.program("reach.py", *CURL, "isolated", END_WITH="7"))


def test_by_hook_and_proxy(client: Client) -> None:
    """Where namespaces are refused; a Python that skips both is then not held back, as ``doctor`` says."""
    ended = client.shell(client.python, PROGRAMS / "reach.py", *CURL, options=("--offline",), END_WITH="7")
    check_refused(ended)


def test_a_job_cannot_reach_out(client: Client) -> None:
    told = client.program("reaching_job.py").told
    assert told["status"] == "Completed"
    assert told["lines"] == ["example.com refused", "8.8.8.8 refused", "objects reached"]
