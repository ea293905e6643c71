from __future__ import annotations

from typing import Any

import pytest

from harness.kernel.errors import UnsupportedOperation, ValidationException
from harness.kernel.records import Key, Record
from harness.services.paging import INCLUSIVE_TIMES, Listing
from harness.services.scope import RecordsOfKind
from harness.stores.memory import MemoryRecords

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: the List operations: filters, sorting and NextToken"
)


JOBS = Listing(answer="Jobs", summary=lambda record: {"Name": record.name}, status="TrainingJobStatus", max_results=10)


def job(name: str, created: float, status: str = "Completed") -> Record:
    key = Key("training-job", "1", "us-east-1", name)
    return Record(key, "", {}, status={"TrainingJobStatus": status}, created=created, modified=created + 100)


def stored(records: list[Record]) -> RecordsOfKind:
    store = MemoryRecords()
    for record in records:
        store.add(record)
    return RecordsOfKind(store, "training-job", "1", "us-east-1")


def names(records: list[Record], **request: Any) -> list[str]:
    return [item["Name"] for item in JOBS.page(stored(records), request)["Jobs"]]


THREE = [job("a-x", 1.0), job("b-y", 3.0, "Failed"), job("c-x", 2.0)]


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        ({}, ["b-y", "c-x", "a-x"]),
        ({"SortOrder": "Ascending"}, ["a-x", "c-x", "b-y"]),
        ({"SortBy": "Name"}, ["c-x", "b-y", "a-x"]),
        ({"SortBy": "Status", "SortOrder": "Ascending"}, ["a-x", "c-x", "b-y"]),
        ({"NameContains": "x"}, ["c-x", "a-x"]),
        ({"StatusEquals": "Failed"}, ["b-y"]),
        ({"CreationTimeAfter": 1.0, "CreatedBefore": 3.0}, ["c-x"]),
        ({"LastModifiedTimeAfter": 102.0}, ["b-y"]),
    ],
)
def test_filters_and_sorts(request_: dict[str, Any], expected: list[str]) -> None:
    assert names(THREE, **request_) == expected


def test_a_time_taken_from_an_answer_names_its_own_record() -> None:
    """Answers show milliseconds, records hold more."""
    records = [job("a", 1.0002), job("b", 1.0008), job("c", 1.0031)]
    assert names(records, CreationTimeAfter=1.001) == ["c"]
    assert names(records, CreationTimeBefore=1.001) == ["a"]
    assert names(records, LastModifiedTimeBefore=101.001) == ["a"]


def test_times_that_include_themselves() -> None:
    listing = Listing(answer="Jobs", summary=lambda record: {"Name": record.name}, filters=INCLUSIVE_TIMES)
    found = listing.page(stored(THREE), {"CreatedAfter": 2.0, "CreatedBefore": 3.0})["Jobs"]
    assert [item["Name"] for item in found] == ["b-y", "c-x"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_pages_neither_repeat_nor_lose_when_records_come_between_them() -> None:
    for more in ({}, {"SortBy": "Name"}, {"SortBy": "Status"}, {"NameContains": "job"}, {"StatusEquals": "Completed"}):
        source = stored([job(f"job-{number:02}", float(number // 4)) for number in range(25)])
        seen: list[str] = []
        request: dict[str, Any] = {"MaxResults": 4, **more}
        while True:
            page = JOBS.page(source, request)
            seen += [item["Name"] for item in page["Jobs"]]
            if "NextToken" not in page:
                break
            source.records.add(job(f"new-{len(seen)}", 1000.0))
            if len(seen) == 8:  # the mark of the page before is gone
                source.records.delete(Key("training-job", "1", "us-east-1", seen[-1]))
            request["NextToken"] = page["NextToken"]
        assert [name for name in seen if name.startswith("job")] == [f"job-{number:02}" for number in range(24, -1, -1)]


class Counted(MemoryRecords):
    """Counts the rows it reads."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = 0

    def _read(self, text: str, values: Any) -> list[Any]:
        found = super()._read(text, values)
        self.rows += len(found)
        return found


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    "request_",
    [
        {}, {"SortOrder": "Ascending"}, {"SortBy": "Name"}, {"SortBy": "Status"}, {"SortBy": "LastModifiedTime"},
        {"NameContains": "job"}, {"StatusEquals": "Failed"}, {"CreationTimeAfter": 1400.0},
        {"CreationTimeBefore": 10.0}, {"NameContains": "1499"}, {"StatusEquals": "Stopped"},
    ],
)  # fmt: skip
def test_a_page_reads_what_it_shows(request_: dict[str, Any]) -> None:
    store = Counted()
    for number in range(1500):
        store.add(job(f"job-{number}", float(number), "Failed" if number % 50 == 0 else "Completed"))
    source = RecordsOfKind(store, "training-job", "1", "us-east-1")
    page = JOBS.page(source, {"MaxResults": 100, **request_})
    assert store.rows <= 256
    if "NextToken" in page:
        JOBS.page(source, {"MaxResults": 100, **request_, "NextToken": page["NextToken"]})
        assert store.rows <= 512


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_token_belongs_to_its_question() -> None:
    token = JOBS.page(stored(THREE), {"MaxResults": 1})["NextToken"]
    assert names(THREE, MaxResults=2, NextToken=token) == ["c-x", "a-x"]
    for request in ({"NextToken": token, "SortBy": "Name"}, {"NextToken": "nonsense"}, {"NextToken": "W10="}):
        with pytest.raises(ValidationException, match="NextToken"):
            JOBS.page(stored(THREE), request)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_unknown_members_are_refused_not_ignored() -> None:
    with pytest.raises(UnsupportedOperation, match="WarmPoolStatusEquals"):
        names(THREE, WarmPoolStatusEquals="Available")
    with pytest.raises(UnsupportedOperation, match="FinalObjectiveMetricValue"):
        names(THREE, SortBy="FinalObjectiveMetricValue")
