"""How the shim shortens waiting: the clock the SDKs' modules see, and the counts their loops keep."""

from __future__ import annotations

import importlib.util
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.clients.environment import SHIM

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


@pytest.fixture(scope="module")
def shim() -> ModuleType:
    spec = importlib.util.spec_from_file_location("the_shim", SHIM / "sitecustomize.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class FakeTime:
    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []

    def time(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


def test_only_waiting_functions_sleep_short(shim: ModuleType) -> None:
    real = FakeTime()
    time = shim.WaitingTime(real, "waits")

    def waits(looks: int) -> None:
        for _ in range(looks):
            time.sleep(30)

    def works() -> None:
        time.sleep(30)

    works()
    waits(25)
    assert real.slept[0] == 30
    assert real.slept[1] == shim.FIRST_LOOK
    assert real.slept[1:] == sorted(real.slept[1:])
    assert real.slept[-1] == shim.SLOWEST_LOOK


def test_a_shorter_sleep_than_ours_stays_as_it_is(shim: ModuleType) -> None:
    real = FakeTime()
    time = shim.WaitingTime(real, "waits")

    def waits() -> None:
        time.sleep(0.001)

    waits()
    assert real.slept == [0.001]


def test_a_log_loop_looks_at_the_job_every_time_and_keeps_its_own_time_limit(shim: ModuleType) -> None:
    time = shim.WaitingTime(FakeTime(), "_logs_for_job")

    def _logs_for_job(timeout: float) -> tuple[bool, bool]:
        end = time.time() + timeout
        last = time.time()
        time.sleep(10)
        return time.time() - last >= 30, time.time() > end

    assert _logs_for_job(timeout=25) == (True, False)


def test_retries_take_as_long_as_before_but_look_more_often(shim: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = FakeTime()
    monkeypatch.setattr("time.time", clock.time)
    monkeypatch.setattr("time.sleep", clock.sleep)
    module = SimpleNamespace(retries=None)
    shim._patch_retries(module)
    looks = []
    with pytest.raises(Exception, match="'the schedule' has reached the maximum retry count of 4"):
        looks.extend(module.retries(4, "the schedule", seconds_to_sleep=5))
    assert clock.now == pytest.approx(1020, abs=shim.SLOWEST_LOOK)
    assert len(looks) > 60


class Waiter:
    """As much of botocore's as the shim knows."""

    def __init__(self) -> None:
        self.config = SimpleNamespace(delay=30, max_attempts=60)
        self.seen: dict[str, Any] = {}

    def wait(self, **kwargs: Any) -> None:
        self.seen = kwargs


def test_a_waiter_waits_as_long_as_before_but_looks_more_often(shim: ModuleType) -> None:
    kind = type("Patched", (Waiter,), {"wait": Waiter.wait})
    shim._patch_waiter(SimpleNamespace(Waiter=kind))
    waiter = kind()
    waiter.wait(Name="x")
    config = waiter.seen["WaiterConfig"]
    assert waiter.seen["Name"] == "x"
    assert config["Delay"] == shim.SLOWEST_LOOK
    assert config["Delay"] * (config["MaxAttempts"] - 1) == 30 * 59
    waiter.wait(WaiterConfig={"Delay": 0.1, "MaxAttempts": 3})
    assert waiter.seen["WaiterConfig"] == {"Delay": 0.1, "MaxAttempts": 3}
    waiter.wait(WaiterConfig={"MaxAttempts": 1})
    assert waiter.seen["WaiterConfig"] == {"MaxAttempts": 1}


def test_hosts_of_aws_are_known_by_their_end(shim: ModuleType) -> None:
    assert shim.is_aws("https://sts.us-east-1.amazonaws.com")
    assert shim.is_aws("https://user@runtime.sagemaker.cn-north-1.amazonaws.com.cn:443/path")
    assert not shim.is_aws("http://127.0.0.1:4599")
    assert not shim.is_aws("https://amazonaws.com.example.org")
    assert not shim.is_aws("https://notamazonaws.com")
