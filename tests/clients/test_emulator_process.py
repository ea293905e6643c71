"""The emulator as other commands meet it: started, found, asked, stopped."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from pathlib import Path

import pytest

from harness.clients.emulator_process import RunningEmulator, StartOptions, find, process_alive, start, stop
from harness.kernel.errors import StateError

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


def test_started_found_asked_and_stopped(tmp_path: Path) -> None:
    state = tmp_path / "state"
    assert find(state) is None
    emulator = start(state)
    try:
        assert find(state) == emulator
        assert emulator.facts()["pid"] == emulator.pid
        assert emulator.control == state / "control.sock"
        assert emulator.ask("/_harness/clock", "POST", seconds=60)["offset"] == pytest.approx(60, abs=1)
        with pytest.raises(StateError, match="only goes forward"):
            emulator.ask("/_harness/clock", "POST", seconds=-5)
    finally:
        stop(emulator)
    assert find(state) is None
    assert not process_alive(emulator.pid)


def test_an_ephemeral_one_is_found_too_and_leaves_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    emulator = start(state, StartOptions(ephemeral=True))
    folder = emulator.control.parent
    assert find(state) == emulator
    assert folder != state
    stop(emulator)
    assert not folder.exists()
    assert find(state) is None


def test_a_taken_port_is_told_in_the_emulators_own_words(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(StateError, match=rf"did not start: port {port} on 127.0.0.1 cannot be had.*--port 0"):
            start(tmp_path / "state", StartOptions(port))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"the state folder .*file/state cannot be used \(Not a directory\).*--state"):
        start(tmp_path / "file" / "state")


def test_what_a_killed_one_left_does_not_count_as_running(tmp_path: Path) -> None:
    state = tmp_path / "state"
    emulator = start(state)
    os.kill(emulator.pid, signal.SIGKILL)
    deadline = time.monotonic() + 10
    while process_alive(emulator.pid) and time.monotonic() < deadline:
        pass
    assert (state / "emulator.json").exists()
    assert find(state) is None


def test_a_process_that_took_over_the_number_does_not_count_either(tmp_path: Path) -> None:
    facts = {"pid": os.getpid(), "address": "http://127.0.0.1:9"}
    (tmp_path / "emulator.json").write_text(json.dumps(facts))
    assert find(tmp_path) is None


def test_one_that_does_not_answer_is_told_by_its_address(tmp_path: Path) -> None:
    silent = RunningEmulator(tmp_path, os.getpid(), "http://127.0.0.1:9")
    with pytest.raises(StateError, match=r"the emulator at http://127.0.0.1:9 does not answer.*harness status"):
        silent.ask("/_harness/clock")
