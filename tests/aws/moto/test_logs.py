"""CloudWatch Logs on job groups, read as both generations of the SDK read it; groups of users beside them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws.moto.serving import ACCOUNT, Served, serve

GROUP, JOB = "/aws/sagemaker/TrainingJobs", "job-1/algo-1-17"


@pytest.fixture
def writer(served: Served) -> Any:
    return served.logs.open(GROUP, JOB, ACCOUNT, "us-east-1")


@pytest.fixture
def logs(served: Served) -> Any:
    return served.client("logs")


def test_reading_as_v2_does(writer: Any, logs: Any) -> None:
    """By startTime and a count of events already seen at it, following forward tokens until a page is empty."""
    seen: list[str] = []
    position = [0, 0]

    def poll() -> None:
        token, skip = None, position[1]
        while True:
            more = {"nextToken": token} if token else {}
            page = logs.get_log_events(
                logGroupName=GROUP, logStreamName=JOB, startTime=position[0], startFromHead=True, limit=3, **more
            )
            token = page["nextForwardToken"]
            if not page["events"]:
                return
            events = page["events"]
            fresh, skip = events[skip:], max(skip - len(events), 0)
            for event in fresh:
                seen.append(event["message"])
                position[:] = [event["timestamp"], position[1] + 1 if event["timestamp"] == position[0] else 1]

    expected = []
    for batch in range(4):
        for number in range(7):
            writer.line(f"{batch}.{number}")
            expected.append(f"{batch}.{number}")
        poll()
        assert seen == expected


def test_reading_as_v3_does(writer: Any, logs: Any) -> None:
    """By the remembered forward token alone."""
    asked: dict[str, Any] = {"logGroupName": GROUP, "logStreamName": JOB, "startFromHead": True}
    writer.line("one")
    first = logs.get_log_events(**asked)
    assert [event["message"] for event in first["events"]] == ["one"]
    token = first["nextForwardToken"]
    for _ in range(2):
        empty = logs.get_log_events(**asked, nextToken=token)
        assert (empty["events"], empty["nextForwardToken"]) == ([], token)
    writer.line("two")
    for _ in range(2):
        later = logs.get_log_events(**asked, nextToken=token)
        assert [event["message"] for event in later["events"]] == ["two"]
    assert later["nextForwardToken"] != token


def test_tokens_are_durable(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"logGroupName": GROUP, "logStreamName": JOB, "startFromHead": True}
    with serve(tmp_path) as served:
        served.logs.open(GROUP, JOB, ACCOUNT, "us-east-1").line("one")
        token = served.client("logs").get_log_events(**asked)["nextForwardToken"]
    with serve(tmp_path) as served:
        served.logs.open(GROUP, JOB, ACCOUNT, "us-east-1").line("two")
        page = served.client("logs").get_log_events(**asked, nextToken=token)
        assert [event["message"] for event in page["events"]] == ["two"]


def test_pages_backwards(writer: Any, logs: Any) -> None:
    for number in range(10):
        writer.line(str(number))
    asked = {"logGroupName": GROUP, "logStreamName": JOB, "limit": 4}
    found, token = [], None
    while True:
        page = logs.get_log_events(**asked, **({"nextToken": token} if token else {}))
        if not page["events"]:
            break
        found.append("".join(event["message"] for event in page["events"]))
        token = page["nextBackwardToken"]
    assert found == ["6789", "2345", "01"]
    assert page["nextBackwardToken"] == token


def test_time_range(served: Served, logs: Any) -> None:
    moments = iter([1.0, 2.0, 2.0, 3.0, 4.0])
    from harness.stores.log_files import LogFiles

    timed = LogFiles(served.logs._folder, now=lambda: next(moments))
    writer = timed.open(GROUP, JOB, ACCOUNT, "us-east-1")
    for text in "abcde":
        writer.write(text.encode() + b"\n")
    asked = {"logGroupName": GROUP, "logStreamName": JOB, "startFromHead": True}
    page = logs.get_log_events(**asked, startTime=2000, endTime=4000)
    assert [event["message"] for event in page["events"]] == ["b", "c", "d"]
    found = logs.filter_log_events(logGroupName=GROUP, startTime=2000, endTime=3000)
    assert [event["message"] for event in found["events"]] == ["b", "c", "d"]


def test_page_is_limited_in_bytes(writer: Any, logs: Any) -> None:
    for _ in range(30):
        writer.line("x" * 100_000)
    asked = {"logGroupName": GROUP, "logStreamName": JOB, "startFromHead": True}
    sizes, token = [], None
    while page := logs.get_log_events(**asked, **({"nextToken": token} if token else {})):
        if not page["events"]:
            break
        sizes.append(len(page["events"]))
        token = page["nextForwardToken"]
    assert sizes == [10, 10, 10]


def test_describe_streams(served: Served, logs: Any) -> None:
    for number in (3, 1, 2):
        served.logs.open(GROUP, f"job/algo-{number}", ACCOUNT, "us-east-1").line("x")
    served.logs.open(GROUP, "zob/algo-1", ACCOUNT, "us-east-1").line("x")
    found = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="job/", limit=3, orderBy="LogStreamName")
    assert [one["logStreamName"] for one in found["logStreams"]] == ["job/algo-1", "job/algo-2", "job/algo-3"]
    assert "nextToken" not in found
    first = logs.describe_log_streams(logGroupName=GROUP, logStreamNamePrefix="job/", limit=2)
    rest = logs.describe_log_streams(
        logGroupName=GROUP, logStreamNamePrefix="job/", limit=2, nextToken=first["nextToken"]
    )
    assert [len(first["logStreams"]), len(rest["logStreams"])] == [2, 1]
    assert "nextToken" not in rest
    latest = logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", descending=True, limit=1)
    assert latest["logStreams"][0]["logStreamName"] == "zob/algo-1"
    assert latest["logStreams"][0]["lastEventTimestamp"] > 0
    with pytest.raises(ClientError, match="InvalidParameterException"):
        logs.describe_log_streams(logGroupName=GROUP, orderBy="LastEventTime", logStreamNamePrefix="job/")


def test_missing_group_and_stream(writer: Any, logs: Any) -> None:
    for group, stream in (("/none", "s"), (GROUP, "none")):
        with pytest.raises(logs.exceptions.ResourceNotFoundException):
            logs.get_log_events(logGroupName=group, logStreamName=stream)
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.describe_log_streams(logGroupName="/none")
    with pytest.raises(logs.exceptions.ResourceNotFoundException):
        logs.filter_log_events(logGroupName="/none")
    with pytest.raises(ClientError, match="nextToken is invalid"):
        logs.get_log_events(logGroupName=GROUP, logStreamName=JOB, nextToken="rubbish")


def test_group_without_streams_exists(served: Served, logs: Any) -> None:
    served.logs.ensure_group("/aws/sagemaker/Endpoints/e", ACCOUNT, "us-east-1")
    assert logs.describe_log_streams(logGroupName="/aws/sagemaker/Endpoints/e")["logStreams"] == []
    assert logs.filter_log_events(logGroupName="/aws/sagemaker/Endpoints/e")["events"] == []
    assert logs.describe_log_groups()["logGroups"][0]["logGroupName"] == "/aws/sagemaker/Endpoints/e"


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", ["error: disk full", "warning: slow", "all is well"]),
        ("error", ["error: disk full"]),
        ('"is well"', ["all is well"]),
        ("?error ?well", ["error: disk full", "all is well"]),
        ("-error", ["warning: slow", "all is well"]),
        ("%(full|slow)$%", ["error: disk full", "warning: slow"]),
    ],
)
def test_filter_patterns(writer: Any, logs: Any, pattern: str, expected: list[str]) -> None:
    for text in ("error: disk full", "warning: slow", "all is well"):
        writer.line(text)
    found = logs.filter_log_events(logGroupName=GROUP, filterPattern=pattern)
    assert [event["message"] for event in found["events"]] == expected


def test_filter_over_streams_by_pages(served: Served, logs: Any) -> None:
    writers = [served.logs.open(GROUP, name, ACCOUNT, "us-east-1") for name in ("a", "b")]
    for number in range(20):
        writers[number % 2].line(str(number))
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=GROUP, PaginationConfig={"PageSize": 6})
    found = [event for page in pages for event in page["events"]]
    assert sorted(int(event["message"]) for event in found) == list(range(20))
    assert [event["timestamp"] for event in found] == sorted(event["timestamp"] for event in found)
    with pytest.raises(ClientError, match="does not support"):
        logs.filter_log_events(logGroupName=GROUP, filterPattern="{ $.a = 1 }")


def test_groups_of_users_beside_those_of_jobs(writer: Any, logs: Any) -> None:
    logs.create_log_group(logGroupName="/mine")
    logs.create_log_stream(logGroupName="/mine", logStreamName="s")
    logs.put_log_events(logGroupName="/mine", logStreamName="s", logEvents=[{"timestamp": 1, "message": "m"}])
    assert [one["logGroupName"] for one in logs.describe_log_groups()["logGroups"]] == [GROUP, "/mine"]
    logs.put_retention_policy(logGroupName=GROUP, retentionInDays=7)
    found = logs.describe_log_groups(logGroupNamePrefix="/aws")["logGroups"]
    assert [(one["logGroupName"], one["retentionInDays"]) for one in found] == [(GROUP, 7)]
    logs.create_log_stream(logGroupName=GROUP, logStreamName="of-a-user")
    names = [one["logStreamName"] for one in logs.describe_log_streams(logGroupName=GROUP)["logStreams"]]
    assert names == [JOB, "of-a-user"]


def test_deleting(writer: Any, logs: Any) -> None:
    writer.line("x")
    logs.delete_log_stream(logGroupName=GROUP, logStreamName=JOB)
    assert logs.describe_log_streams(logGroupName=GROUP)["logStreams"] == []
    logs.delete_log_group(logGroupName=GROUP)
    assert logs.describe_log_groups()["logGroups"] == []
