"""A state folder whose databases are missing, empty or damaged: refused by name before anything opens them."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from harness.kernel.errors import StateError
from harness.stores.state_layout import DATABASES, check_databases, check_layout, record_databases


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """A folder as an emulator that was killed leaves it: the last changes are in the write-ahead logs."""
    for name in DATABASES:
        file = tmp_path / name
        file.parent.mkdir(exist_ok=True)
        kept = tmp_path / "kept.sqlite"
        connection = sqlite3.connect(kept)
        connection.execute("pragma journal_mode = wal")
        connection.execute("create table t (x)")
        connection.executemany("insert into t values (?)", [("x" * 500,)] * 200)
        connection.commit()
        for suffix in ("", "-wal"):
            file.with_name(file.name + suffix).write_bytes(Path(f"{kept}{suffix}").read_bytes())
        connection.close()
        kept.unlink()
    objects = tmp_path / "s3" / "objects" / "aa"
    objects.mkdir(parents=True)
    (objects / "object").write_text("x")
    record_databases(tmp_path)
    return tmp_path


def damage(file: Path, at: int) -> None:
    with file.open("r+b") as stream:
        stream.seek(at)
        stream.write(os.urandom(8192))


def test_a_folder_that_is_whole_passes_and_so_does_a_new_one(
    state: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    check_databases(state)
    check_databases(tmp_path_factory.mktemp("new"))


@pytest.mark.parametrize("name", DATABASES)
@pytest.mark.parametrize(
    ("spoil", "problem"),
    [
        (lambda file: file.unlink(), "is missing although this folder was used before"),
        (lambda file: file.write_bytes(b""), "is empty although this folder was used before"),
        (lambda file: file.write_bytes(b"garbage" * 1000), "is not an SQLite database"),
        (lambda file: (file.unlink(), file.mkdir()), "is a folder"),
        (lambda file: file.with_name(f"{file.name}-wal").write_bytes(b"garbage" * 1000), "is damaged"),
    ],
)
def test_what_is_lost_or_damaged_refuses_the_start(
    state: Path, name: str, spoil: Callable[[Path], object], problem: str
) -> None:
    spoil(state / name)
    with pytest.raises(StateError, match=problem) as refusal:
        check_databases(state)
    assert name in str(refusal.value)
    assert "harness reset" in str(refusal.value)


def test_damaged_pages_are_found(state: Path) -> None:
    file = state / "records.sqlite"
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)").fetchall()
    damage(file, 8192)
    with pytest.raises(StateError, match="is damaged"):
        check_databases(state)


def test_a_log_that_was_cut_off_is_warned_of(state: Path, caplog: pytest.LogCaptureFixture) -> None:
    log = state / "records.sqlite-wal"
    os.truncate(log, log.stat().st_size - 100)
    with caplog.at_level(logging.WARNING):
        check_databases(state)
    assert "is cut off in the middle of a change" in caplog.text


def test_a_folder_without_a_list_of_databases_is_judged_by_its_objects(state: Path) -> None:
    (state / "databases.json").unlink()
    (state / "s3" / "objects.sqlite").unlink()
    with pytest.raises(StateError, match=r"objects\.sqlite is missing"):
        check_databases(state)


def test_a_log_that_is_damaged_in_its_middle_is_refused(state: Path) -> None:
    damage(state / "records.sqlite-wal", 40)
    with pytest.raises(StateError, match=r"records\.sqlite-wal is damaged"):
        check_databases(state)


@pytest.mark.parametrize("name", ["emulator.log", "admin-token", "databases.json", "s3/objects", "logs", "jobs"])
def test_what_is_of_another_kind_than_the_emulator_makes_is_refused(state: Path, name: str) -> None:
    check_layout(state)
    if (state / name).is_dir():
        (state / name).rename(state / "away")
    (state / name).unlink(missing_ok=True)
    os.mkfifo(state / name)
    with pytest.raises(StateError, match=rf"{name} is no (regular file|folder)"):
        check_layout(state)


@pytest.mark.parametrize("name", ["s3", "s3/objects", "s3/incoming", "aws", "logs", "jobs", "runs", "kept", "client"])
def test_a_folder_that_leads_elsewhere_is_refused(state: Path, tmp_path: Path, name: str) -> None:
    """An emulator that followed it would delete what it does not know there."""
    elsewhere = tmp_path / "elsewhere"
    if (state / name).exists():
        (state / name).rename(elsewhere)
    else:
        elsewhere.mkdir()
    (elsewhere / "a file of others").touch()
    (state / name).symlink_to(elsewhere)
    with pytest.raises(StateError, match=rf"{name} is a link, to .*elsewhere"):
        check_layout(state)
    assert (elsewhere / "a file of others").exists()


@pytest.mark.parametrize(
    "name", ["records.sqlite", "s3/objects.sqlite", "logs/group/a.idx", "logs/group", "emulator.log"]
)
def test_a_file_that_leads_elsewhere_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "others").write_text("kept")
    link = tmp_path / "state" / name
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "others")
    with pytest.raises(StateError, match=r"is a link, to .*others|is no regular file"):
        check_layout(tmp_path / "state")
    assert (tmp_path / "others").read_text() == "kept"
