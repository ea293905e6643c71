"""Emulators started for a while: shared by their users, stopped by the last."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.clients.emulator_lease import persistent, shared
from harness.clients.emulator_process import StartOptions, find, process_alive, start, stop
from harness.kernel.errors import StateError

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


def test_the_last_user_stops_what_the_first_one_started(tmp_path: Path) -> None:
    first, second = shared(tmp_path / "state"), shared(tmp_path / "state")
    emulator = first.__enter__()
    assert second.__enter__() == emulator
    first.__exit__(None, None, None)
    assert find(tmp_path / "state") == emulator
    second.__exit__(None, None, None)
    assert not process_alive(emulator.pid)


def test_two_who_begin_at_once_get_one(tmp_path: Path) -> None:
    uses = [shared(tmp_path / "state") for _ in range(3)]
    with ThreadPoolExecutor(3) as pool:
        emulators = list(pool.map(lambda use: use.__enter__(), uses))
        assert len(set(emulators)) == 1
        list(pool.map(lambda use: use.__exit__(None, None, None), uses))
    assert not process_alive(emulators[0].pid)


def test_one_that_ran_before_is_left_running(tmp_path: Path) -> None:
    emulator = start(tmp_path / "state")
    try:
        with shared(tmp_path / "state") as used:
            assert used == emulator
        assert find(tmp_path / "state") == emulator
    finally:
        stop(emulator)


def test_start_keeps_one_that_was_there_for_a_while(tmp_path: Path) -> None:
    with shared(tmp_path / "state") as used:
        assert persistent(tmp_path / "state", StartOptions()) == (used, False)
    assert find(tmp_path / "state") == used
    stop(used)


def test_an_error_inside_still_stops_it(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), shared(tmp_path / "state") as used:
        raise KeyboardInterrupt
    assert not process_alive(used.pid)


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"file/state cannot be used \(Not a directory\).*--state"):
        persistent(tmp_path / "file" / "state", StartOptions())


def test_other_choices_than_the_running_one_has_are_refused_by_name(tmp_path: Path) -> None:
    emulator = start(tmp_path / "state")
    try:
        assert persistent(tmp_path / "state", StartOptions(choices={"runner": "process"})) == (emulator, False)
        with pytest.raises(StateError, match=r"runs with runner 'process', not 'docker'.*harness stop"):
            persistent(tmp_path / "state", StartOptions(choices={"runner": "docker"}))
    finally:
        stop(emulator)


def test_it_reads_the_file_of_the_project_it_is_started_for(tmp_path: Path) -> None:
    (tmp_path / "harness.toml").write_text('[settings]\naccount = "111122223333"\n')
    with shared(tmp_path / "state", StartOptions(project=tmp_path)) as emulator:
        assert emulator.facts()["account"] == "111122223333"
