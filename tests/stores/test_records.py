"""One suite for both stores."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.kernel.errors import StateError
from harness.kernel.records import Key, Record
from harness.stores.memory import MemoryRecords
from harness.stores.record_queries import RecordQuery, Span
from harness.stores.record_rows import FORMAT
from harness.stores.records import RecordExists, RecordMissing, RecordStore
from harness.stores.sqlite import SqliteRecords


def record(name: str, kind: str = "model", account: str = "1", region: str = "r", created: float = 1.0) -> Record:
    key = Key(kind, account, region, name)
    return Record(key, f"arn:{name}", spec={"Name": name, "Tags": ("a", "b")}, created=created, modified=created)


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RecordStore]:
    def now() -> float:
        return 99.0

    made = SqliteRecords(tmp_path / "records.sqlite", now) if request.param == "sqlite" else MemoryRecords(now)
    yield made
    made.close()


def test_what_was_added_is_found(store: RecordStore) -> None:
    added = store.add(record("a"))
    assert store.find(added.key) == added
    assert added.spec == {"Name": "a", "Tags": ["a", "b"]}  # as JSON keeps it, in both stores
    assert store.find(added.key._replace(name="A")) is None
    assert store.find(added.key._replace(region="other")) is None


def test_what_was_never_changed_was_modified_when_it_was_created(store: RecordStore) -> None:
    assert store.add(replace(record("a"), modified=0.0)).modified == 1.0


def test_a_taken_key_names_who_has_it(store: RecordStore) -> None:
    first = store.add(record("a"))
    with pytest.raises(RecordExists) as refused:
        store.add(record("a", created=5.0))
    assert refused.value.existing == first


def test_a_change_sets_version_and_time(store: RecordStore) -> None:
    key = store.add(record("a")).key
    changed = store.change(key, lambda found: replace(found, status={"Status": "Done"}))
    assert (changed.version, changed.modified, changed.created) == (1, 99.0, 1.0)
    assert store.find(key) == changed
    assert store.change(key, lambda found: replace(found, inner={"n": 1})).version == 2


def test_a_change_that_changes_nothing_writes_nothing(store: RecordStore) -> None:
    key = store.add(record("a")).key
    told: list[Key] = []
    store.subscribe(lambda changed, _: told.append(changed))
    assert store.change(key, lambda found: found).version == 0
    assert told == []


def test_a_change_and_a_new_record_are_written_together_or_not_at_all(store: RecordStore) -> None:
    key = store.add(record("a")).key
    heard: list[Key] = []
    store.subscribe(lambda changed, _: heard.append(changed))

    def change(found: Record) -> Record:
        return replace(found, inner={"n": found.inner.get("n", 0) + 1})

    written = store.change_and_add(key, change, lambda changed: record(f"of-{changed.inner['n']}"))
    assert written == (store.find(key), store.find(key._replace(name="of-1")))
    assert heard == [key, key._replace(name="of-1")]
    with pytest.raises(sqlite3.IntegrityError):
        store.change_and_add(key, change, lambda changed: record("of-1"))
    assert store.change_and_add(key, lambda found: found, lambda changed: record("other")) is None
    assert [(each.name, each.inner) for each in store.scan("model")] == [("a", {"n": 1}), ("of-1", {})]
    with pytest.raises(RecordMissing):
        store.change_and_add(key._replace(name="none"), change, lambda changed: record("other"))
    store.change(key, change)
    assert [each.inner for each in store.scan("model")] == [{"n": 2}, {}]


def test_a_change_that_raises_leaves_the_record(store: RecordStore) -> None:
    before = store.add(record("a"))

    def fail(found: Record) -> Record:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.change(before.key, fail)
    assert store.find(before.key) == before


def test_what_is_missing_is_said_to_be(store: RecordStore) -> None:
    key = record("a").key
    with pytest.raises(RecordMissing):
        store.change(key, lambda found: found)
    with pytest.raises(RecordMissing):
        store.delete(key)


def test_delete_returns_the_record_and_frees_the_key(store: RecordStore) -> None:
    added = store.add(record("a"))
    assert store.delete(added.key) == added
    assert store.find(added.key) is None
    store.add(record("a", created=2.0))


def test_scan_is_by_age_and_scope(store: RecordStore) -> None:
    for made in (record("late", created=3.0), record("early", created=1.0), record("twin", created=1.0)):
        store.add(made)
    store.add(record("elsewhere", region="s"))
    store.add(record("other", account="2", created=2.0))
    store.add(record("job", kind="training-job"))
    assert [found.name for found in store.scan("model", "1", "r")] == ["early", "twin", "late"]
    assert [found.name for found in store.scan("model")] == ["early", "twin", "elsewhere", "other", "late"]
    assert [found.name for found in store.scan("model", region="s")] == ["elsewhere"]


def test_scans_read_on_past_what_they_hold_at_once(store: RecordStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.stores.sqlite._BLOCK", 2)
    for number in range(5):
        store.add(record(f"m{number}", created=float(number // 2)))
    names = [f"m{number}" for number in range(5)]
    assert [found.name for found in store.scan("model")] == names
    assert [found.name for found in store.scan("model", "1", "r", newest_first=True)] == names[::-1]
    for found in store.scan("model"):
        store.delete(found.key)
    assert list(store.scan("model")) == []


@pytest.mark.parametrize("order", ["created", "modified", "name", "state"])
@pytest.mark.parametrize("descending", [False, True])
def test_selections_follow_an_order(
    store: RecordStore, order: str, descending: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.stores.sqlite._BLOCK", 2)
    for number in range(6):
        made = record(f"m{5 - number}", kind="endpoint", created=float(number // 2))
        store.add(replace(made, status={"EndpointStatus": "Failed" if number % 3 else "InService"}))
    query = RecordQuery("endpoint", "1", "r", order, descending)
    expected = sorted(store.scan("endpoint"), key=query.position_of, reverse=descending)
    assert list(store.select(query)) == expected
    assert list(store.select(replace(query, after=query.position_of(expected[2])))) == expected[3:]
    failed = [found for found in expected if found.state == "Failed"]
    assert list(store.select(replace(query, state="Failed"))) == failed
    assert list(store.select(replace(query, name_contains="3"))) == [found for found in expected if "3" in found.name]
    assert all(found.created >= 1 for found in store.select(replace(query, created=Span(least=1.0))))


def test_listeners_are_told_of_every_write_until_they_leave(store: RecordStore) -> None:
    told: list[tuple[str, int | None]] = []
    leave = store.subscribe(lambda key, found: told.append((key.name, None if found is None else found.version)))
    key = store.add(record("a")).key
    store.change(key, lambda found: replace(found, status={"x": 1}))
    store.delete(key)
    store.add(record("b"))
    store.clear()
    leave()
    store.add(record("c"))
    assert told == [("a", 0), ("a", 1), ("a", None), ("b", 0), ("b", None)]


def test_a_listener_may_use_the_store(store: RecordStore) -> None:
    seen: list[Record | None] = []
    store.subscribe(lambda key, _: seen.append(store.find(key)))
    added = store.add(record("a"))
    assert seen == [added]


def test_changes_from_many_threads_are_all_made(store: RecordStore) -> None:
    key = store.add(record("a")).key

    def count() -> None:
        for _ in range(50):
            store.change(key, lambda found: replace(found, inner={"n": found.inner.get("n", 0) + 1}))

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.find(key)
    assert found is not None
    assert (found.inner["n"], found.version) == (200, 200)


def test_settings_are_kept_and_cleared(store: RecordStore) -> None:
    assert store.setting("x") is None
    store.set_setting("x", "1")
    store.set_setting("x", "2")
    assert store.setting("x") == "2"
    store.clear()
    assert store.setting("x") is None


def test_sqlite_finds_everything_again(tmp_path: Path) -> None:
    first = SqliteRecords(tmp_path / "records.sqlite")
    kept = first.change(first.add(record("a")).key, lambda found: replace(found, status={"S": "x"}, inner={"p": 1}))
    first.set_setting("clock_offset", "5")
    first.close()
    second = SqliteRecords(tmp_path / "records.sqlite")
    assert second.find(kept.key) == kept
    assert second.setting("clock_offset") == "5"
    second.close()


def test_sqlite_serves_more_records_than_it_remembers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.stores.sqlite._CACHED", 2)
    store = SqliteRecords(tmp_path / "records.sqlite")
    keys = [store.add(record(f"m{number}")).key for number in range(5)]
    assert [found.name for key in keys if (found := store.find(key))] == ["m0", "m1", "m2", "m3", "m4"]
    store.close()


def test_a_file_of_the_format_before_is_brought_to_this_one(tmp_path: Path) -> None:
    store = SqliteRecords(tmp_path / "records.sqlite")
    added = store.add(replace(record("a", kind="endpoint"), status={"EndpointStatus": "Failed"}))
    store.set_setting("format", "1")
    store.close()
    old = sqlite3.connect(tmp_path / "records.sqlite")
    for (index,) in old.execute(
        "select name from sqlite_master where type = 'index' and sql like '%state%'"
    ).fetchall():
        old.execute(f"drop index {index}")
    old.execute("alter table records drop column state")
    old.execute("alter table records drop column scheduled")
    old.commit()
    old.close()
    store = SqliteRecords(tmp_path / "records.sqlite")
    assert store.setting("format") == FORMAT
    assert list(store.select(RecordQuery("endpoint", "1", "r", state="Failed"))) == [added]
    store.close()


def test_a_folder_of_another_format_is_refused_with_both_formats(tmp_path: Path) -> None:
    store = SqliteRecords(tmp_path / "records.sqlite")
    store.set_setting("format", "99")
    store.close()
    with pytest.raises(StateError, match=f"format 99, harness .* reads format {FORMAT}; use the harness that wrote it"):
        SqliteRecords(tmp_path / "records.sqlite")


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "records.sqlite").write_bytes(b"not a database" * 1000)
    with pytest.raises(StateError, match="is not a state file of harness"):
        SqliteRecords(tmp_path / "records.sqlite")


def test_an_acknowledged_write_is_in_the_file_at_once(tmp_path: Path) -> None:
    store = SqliteRecords(tmp_path / "records.sqlite")
    store.add(record("a"))
    other = sqlite3.connect(tmp_path / "records.sqlite")
    assert other.execute("select name from records").fetchall() == [("a",)]
    other.close()
    store.close()
