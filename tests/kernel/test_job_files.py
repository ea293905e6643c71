"""Files that programs leave: read without following anything, removed however deep they lie."""

from __future__ import annotations

import os
import socket
import threading
from pathlib import Path

import pytest

from harness.kernel.job_files import (
    NotRegular,
    TooDeep,
    find_file,
    has_foreign_files,
    move_into,
    open_file,
    remove_links,
    walk,
)
from harness.kernel.removal import remove_tree


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file of the host's that no program is to see or change."""
    file = tmp_path / "host" / "secret"
    file.parent.mkdir()
    file.write_text("secret")
    return file


@pytest.fixture
def root(tmp_path: Path) -> Path:
    made = tmp_path / "ml"
    (made / "model" / "deep").mkdir(parents=True)
    (made / "model" / "deep" / "file").write_text("own")
    return made


def nest(folder: Path, depth: int, name: str = "d") -> None:
    """Folders below each other, by steps: their path may be longer than the system takes."""
    here = os.open(folder, os.O_RDONLY)
    for _ in range(depth):
        os.mkdir(name, dir_fd=here)
        inner = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)


def test_only_regular_files_are_found(root: Path, secret: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = root / "model"
    (model / "link").symlink_to(secret)
    (model / "folder").symlink_to(secret.parent)
    (model / "own").symlink_to("deep/file")
    os.mkfifo(model / "fifo")
    monkeypatch.chdir(model)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert [file.name for file in walk(root, "model")] == ["model/deep/file"]
        for name in ("link", "folder", "folder/secret", "own", "fifo", "socket", "deep"):
            with pytest.raises(NotRegular):
                open_file(root, f"model/{name}")
            assert find_file(root, f"model/{name}") is None
    assert find_file(root, "model/none") is None
    assert (find_file(root, "model/deep/file") or pytest.fail("not found")).read(2) == b"ow"


def test_a_folder_that_became_a_link_has_no_files(root: Path, secret: Path) -> None:
    [file] = walk(root, "model")
    (root / "model").rename(root / "before")
    (root / "model").symlink_to(secret.parent)
    (root / "before" / "deep" / "file").rename(secret.parent / "file")
    assert list(walk(root, "model")) == []
    with pytest.raises(NotRegular):
        file.open()


def test_a_file_that_is_swapped_for_a_link_shows_nothing_of_the_host(root: Path, secret: Path) -> None:
    file, link, ended = root / "model" / "f", root / "l", threading.Event()
    link.symlink_to(secret)
    file.write_text("own")

    def swap() -> None:
        while not ended.is_set():
            for source, target in ((file, root / "x"), (link, file), (file, link), (root / "x", file)):
                source.rename(target)

    swapping = threading.Thread(target=swap)
    swapping.start()
    read = set()
    try:
        for _ in range(3000):
            try:
                with open_file(root, "model/f") as stream:
                    read.add(stream.read())
            except (NotRegular, FileNotFoundError):
                continue
    finally:
        ended.set()
        swapping.join()
    assert read <= {b"own"}


def test_rights_that_a_program_took_away_are_given_back_to_what_is_its_own(root: Path, secret: Path) -> None:
    secret.chmod(0o400)
    (root / "model" / "deep" / "file").chmod(0)
    (root / "model" / "deep").chmod(0)
    [file] = walk(root, "model")
    assert file.read(10) == b"own"
    assert secret.stat().st_mode & 0o777 == 0o400


def test_results_of_another_host_join_and_overwrite_nothing(root: Path, secret: Path, tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    (root / "output").mkdir()
    (root / "output" / "secret").write_text("theirs")
    [output], [model] = list(walk(root, "output")), list(walk(root, "model"))
    (first / "output").symlink_to(secret.parent)
    with pytest.raises(NotRegular):
        move_into(output, first)
    assert secret.read_text() == "secret"
    move_into(model, first)
    assert (first / "model" / "deep" / "file").read_text() == "own"
    (root / "model" / "deep" / "file").write_text("again")
    move_into(model, first)
    assert (first / "model" / "deep" / "file").read_text() == "own"


def test_links_are_removed_before_a_reader_that_would_follow_them(root: Path, secret: Path) -> None:
    (root / "model" / "deep" / "link").symlink_to(secret)
    (root / "model" / "folder").symlink_to(secret.parent)
    os.mkfifo(root / "model" / "fifo")
    remove_links(root)
    assert sorted(path.name for path in root.rglob("*")) == ["deep", "file", "model"]
    assert secret.read_text() == "secret"


@pytest.mark.parametrize(("depth", "name"), [(1100, "d"), (200, "n" * 60)], ids=["deep", "longer than PATH_MAX"])
def test_folders_of_any_depth_are_removed(root: Path, secret: Path, depth: int, name: str) -> None:
    nest(root / "model", depth, name)
    (root / "model" / "folder").symlink_to(secret.parent)
    (root / "model" / "deep").chmod(0)
    remove_tree(root)
    assert not root.exists()
    assert secret.read_text() == "secret"


def test_a_link_or_a_file_in_place_of_a_folder_is_removed_alone(tmp_path: Path, secret: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(secret.parent)
    remove_tree(link)
    remove_tree(tmp_path / "none")
    assert not link.is_symlink()
    assert secret.read_text() == "secret"


def test_folders_deeper_than_a_key_are_refused(root: Path) -> None:
    nest(root / "model", 600)
    with pytest.raises(TooDeep, match="more than 512 deep"):
        list(walk(root, "model"))
    assert has_foreign_files(root, os.getuid())  # as far as can be seen
    assert not has_foreign_files(root / "model" / "deep", os.getuid())
    assert has_foreign_files(root / "model" / "deep", os.getuid() + 1)
    remove_tree(root)
