from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from harness.kernel.errors import StateError
from harness.stores.folder import StateFolder, is_held, read_announcement


def test_a_folder_is_held_by_one_emulator_and_the_second_is_told_which(tmp_path: Path) -> None:
    first = StateFolder(tmp_path / "state")
    first.hold()
    first.announce({"pid": 4711, "address": "http://127.0.0.1:1"})
    with pytest.raises(StateError, match=r"process 4711 at http://127.0.0.1:1; stop it with `harness stop`"):
        StateFolder(tmp_path / "state").hold()
    first.release()
    second = StateFolder(tmp_path / "state")
    second.hold()
    second.release()


def test_the_second_is_refused_before_the_first_has_said_where_it_listens(tmp_path: Path) -> None:
    first = StateFolder(tmp_path)
    first.hold()
    with pytest.raises(StateError, match="just starting or stopping"):
        StateFolder(tmp_path).hold()
    first.release()


def test_the_announcement_goes_with_the_emulator(tmp_path: Path) -> None:
    folder = StateFolder(tmp_path)
    folder.hold()
    folder.announce({"pid": os.getpid(), "address": "http://x"})
    assert read_announcement(tmp_path) == {"pid": os.getpid(), "address": "http://x"}
    folder.release()
    assert read_announcement(tmp_path) is None


def test_whether_a_folder_is_held_can_be_asked(tmp_path: Path) -> None:
    assert not is_held(tmp_path)
    folder = StateFolder(tmp_path)
    folder.hold()
    assert is_held(tmp_path)
    folder.release()
    assert not is_held(tmp_path)


def test_half_an_announcement_is_none(tmp_path: Path) -> None:
    (tmp_path / "emulator.json").write_text('{"pid": 1')
    assert read_announcement(tmp_path) is None
    (tmp_path / "emulator.json").write_text('["pid", "address"]')
    assert read_announcement(tmp_path) is None


def test_a_folder_that_cannot_be_made_is_said_to_be(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=r"cannot be used .*choose another with --state"):
        StateFolder(tmp_path / "file" / "state").hold()


@pytest.mark.skipif(sys.platform != "linux", reason="abstract unix sockets are Linux's")
def test_a_folder_that_was_removed_is_not_given_to_a_second_emulator(tmp_path: Path) -> None:
    first = StateFolder(tmp_path / "state")
    first.hold()
    assert not first.is_lost()
    shutil.rmtree(tmp_path / "state")
    assert first.is_lost()
    with pytest.raises(StateError, match=rf"process {os.getpid()} still answers .*`kill {os.getpid()}`"):
        StateFolder(tmp_path / "state").hold()
    assert first.is_lost()
    first.release()
    second = StateFolder(tmp_path / "state")
    second.hold()
    assert not second.is_lost()
    second.release()


@pytest.mark.parametrize("name", ["lock", ".gitignore"])
def test_another_kind_of_file_in_place_of_one_of_its_own_is_refused(tmp_path: Path, name: str) -> None:
    os.mkfifo(tmp_path / name)
    with pytest.raises(StateError, match=rf"{name} is no regular file; move it away"):
        StateFolder(tmp_path).hold()
