"""Describes of unfinished resources are held for those who wait, and for nobody else."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.engine.lifecycle import move
from harness.gateway.long_poll import PollingClient, PollTracker
from harness.kernel.records import Key, Record

SDK_V2 = "lib/AWS-SageMaker-Python-SDK#2.257.7"
SDK_V3 = "lib/AWS-SageMakerCore#2.27.0"
AT_ONCE = 1.0
KEY = Key("training-job", "123456789012", "us-east-1", "job")


@pytest.fixture
def job(served: Any) -> Record:
    return begin(served)


def begin(served: Any, age: float = 60.0) -> Record:
    def describe_training_job(scope: Any, request: dict[str, Any]) -> dict[str, Any]:
        return dict(scope.records.find(scope.key("training-job", request["TrainingJobName"])).describe())

    served.operations["sagemaker", "DescribeTrainingJob"] = describe_training_job
    created = time.time() - age
    spec = {"TrainingJobName": "job", "CreationTime": created}
    record = Record(KEY, "arn", spec=spec, created=created)
    added: Record = served.emulator.records.add(move(record, "InProgress"))
    return added


def progress(served: Any) -> None:
    def change(record: Record) -> Record:
        return replace(record, status={**record.status, "SecondaryStatus": "Training"})

    served.emulator.records.change(KEY, change)


def finish(served: Any, status: str = "Completed") -> None:
    served.emulator.records.change(KEY, lambda record: move(record, status))


def describe(served: Any, agent: str = "", **config: Any) -> tuple[str, float]:
    started = time.perf_counter()
    client = served.client("sagemaker", user_agent_extra=agent, **config)
    status = client.describe_training_job(TrainingJobName="job")["TrainingJobStatus"]
    return status, time.perf_counter() - started


def in_background(work: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    answers: list[Any] = []
    thread = threading.Thread(target=lambda: answers.append(work()))
    thread.start()
    return thread, answers


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def held(served: Any) -> int:
    return int(served.emulator.site.waiters.count)


def test_a_plain_first_look_is_answered_at_once(served: Any, job: Record) -> None:
    status, seconds = describe(served)
    assert (status, seconds < AT_ONCE) == ("InProgress", True)


@pytest.mark.parametrize("agent", [SDK_V2, SDK_V3, "SageMakerSDK/3.0", "md/Botocore#1 m/Z,B,b", "m/B"])
def test_who_waits_is_held_until_the_end(served: Any, job: Record, agent: str) -> None:
    waiting, answers = in_background(lambda: describe(served, agent))
    until(lambda: held(served) == 1)
    progress(served)
    until(lambda: held(served) == 1)  # woken, and parked again: it is not over
    finished = time.perf_counter()
    finish(served)
    waiting.join()
    assert time.perf_counter() - finished < AT_ONCE
    assert answers[0][0] == "Completed"
    assert held(served) == 0


def test_botocores_own_waiter_is_held(served: Any, job: Record) -> None:
    client = served.client("sagemaker")
    waiter = client.get_waiter("training_job_completed_or_stopped")
    started = time.perf_counter()
    waiting, _ = in_background(lambda: waiter.wait(TrainingJobName="job", WaiterConfig={"Delay": 120}))
    until(lambda: held(served) == 1)
    finish(served, "Stopped")
    waiting.join()
    assert time.perf_counter() - started < 20


@pytest.mark.parametrize("agent", ["m/Z,b", "mm/B", "m/BA", "xm/Z,B"])
def test_other_marks_in_the_user_agent_are_no_waiters(served: Any, job: Record, agent: str) -> None:
    assert describe(served, agent)[1] < AT_ONCE


def test_asking_again_in_vain_is_waiting(served: Any, job: Record) -> None:
    assert describe(served)[0] == "InProgress"
    waiting, answers = in_background(lambda: describe(served))
    until(lambda: held(served) == 1)
    finish(served, "Failed")
    waiting.join()
    assert answers[0][0] == "Failed"


def test_asking_again_for_news_is_answered_at_once(served: Any, job: Record) -> None:
    describe(served)
    progress(served)
    assert describe(served)[1] < AT_ONCE


def test_another_client_asking_for_the_first_time_is_not_waiting(served: Any, job: Record) -> None:
    describe(served)
    assert describe(served, "another-program/1")[1] < AT_ONCE


def test_the_sdks_look_back_right_after_creation_is_not_waiting_but_the_next_is(served: Any) -> None:
    begin(served, age=0.0)
    assert describe(served, SDK_V3)[1] < AT_ONCE
    waiting, _ = in_background(lambda: describe(served, SDK_V3))
    until(lambda: held(served) == 1)
    finish(served)
    waiting.join()


def test_nothing_is_held_under_the_shim(served: Any, job: Record) -> None:
    for _ in range(2):
        assert describe(served, f"{SDK_V2} harness-shim m/B")[1] < AT_ONCE


def test_nothing_is_held_of_what_is_finished(served: Any, job: Record) -> None:
    finish(served)
    for _ in range(2):
        status, seconds = describe(served, SDK_V2)
        assert (status, seconds < AT_ONCE) == ("Completed", True)


def test_holding_ends_with_the_time_it_may_take(make_served: Any) -> None:
    served = make_served(describe_hold=0.3)
    begin(served)
    status, seconds = describe(served, SDK_V2)
    assert status == "InProgress"
    assert 0.3 <= seconds < 5
    line = json.loads((served.state / "emulator.log").read_text().splitlines()[-1])
    assert line["held_ms"] >= 300


def test_deleting_ends_in_not_found(served: Any) -> None:
    from harness.kernel.errors import ValidationException

    def describe_endpoint(scope: Any, request: dict[str, Any]) -> dict[str, Any]:
        found = scope.records.find(scope.key("endpoint", request["EndpointName"]))
        if found is None:
            raise ValidationException('Could not find endpoint "e".')
        return dict(found.describe())

    served.operations["sagemaker", "DescribeEndpoint"] = describe_endpoint
    key = KEY._replace(kind="endpoint", name="e")
    record = Record(key, "arn", spec={}, status={"EndpointStatus": "Deleting"}, created=time.time() - 60)
    served.emulator.records.add(record)
    waiter = served.client("sagemaker").get_waiter("endpoint_deleted")
    waiting, _ = in_background(lambda: waiter.wait(EndpointName="e", WaiterConfig={"Delay": 120}))
    until(lambda: held(served) == 1)
    served.emulator.records.delete(key)
    waiting.join()
    assert held(served) == 0


def test_shutting_down_lets_everybody_go(served: Any, job: Record) -> None:
    waiting, answers = in_background(lambda: describe(served, SDK_V2))
    until(lambda: held(served) == 1)
    started = time.perf_counter()
    served.emulator.close()
    waiting.join()
    assert answers[0][0] == "InProgress"
    assert time.perf_counter() - started < 5


def test_500_held_answers_cost_no_thread(served: Any, job: Record) -> None:
    import asyncio

    import aiohttp

    describe(served)
    threads = threading.active_count() + 1  # the one that looks on
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=t/20260101/us-east-1/sagemaker/aws4_request, Signature=0",
        "X-Amz-Target": "SageMaker.DescribeTrainingJob",
        "User-Agent": SDK_V2,
    }

    async def all_at_once() -> list[str]:
        connector = aiohttp.TCPConnector(limit=0)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

            async def one() -> str:
                async with session.post(served.address, data=b'{"TrainingJobName":"job"}') as response:
                    return str((await response.json(content_type=None))["TrainingJobStatus"])

            asked = [asyncio.create_task(one()) for _ in range(500)]
            await asyncio.to_thread(until, lambda: held(served) == 500)
            assert threading.active_count() <= threads
            finish(served)
            return await asyncio.gather(*asked)

    assert asyncio.run(asyncio.wait_for(all_at_once(), 40)) == ["Completed"] * 500


def test_polls_are_forgotten_eldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.gateway.long_poll._MOST_POLLS", 2)
    polls = PollTracker()
    record = Record(Key("model", "1", "r", "m"), "arn", spec={}, created=5.0, version=3)
    first, second, third = (PollingClient(key, "agent", "::1") for key in "abc")
    for client in (first, second, first, third):
        polls.record(client, record)
    assert polls.last_seen(second, record.key) is None
    assert polls.last_seen(first, record.key) == polls.last_seen(third, record.key) == (5.0, 3)
    polls.clear()
    assert polls.last_seen(first, record.key) is None
