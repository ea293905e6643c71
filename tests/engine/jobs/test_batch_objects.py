"""Bodies of several objects under way at once, without a model server."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness.engine.jobs.batch_objects import Batch, Calls, ObjectResult
from harness.kernel.s3uri import S3Uri

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


class Refused(Exception):
    pass


class Bench:
    """Runs objects, given as their bodies, through a batch of ``width``."""

    def __init__(self, folder: Path, width: int, call: Callable[[bytes], bytes]) -> None:
        self._folder = folder
        self._width = width
        self._call = call
        self.finished: list[tuple[str, bytes | str]] = []
        self.stopped = threading.Event()

    def _finish(self, result: ObjectResult) -> None:
        told = result.path.read_bytes() if result.failure is None else str(result.failure)
        self.finished.append((result.name, told))

    def _check(self) -> None:
        if self.stopped.is_set():
            raise InterruptedError

    def run(self, objects: dict[str, list[bytes]]) -> list[tuple[str, bytes | str]]:
        with ThreadPoolExecutor(self._width) as pool:
            batch = Batch(Calls(pool, self._call, self._width, (Refused,)), self._finish, self._check)
            try:
                for name, bodies in objects.items():
                    result = ObjectResult(S3Uri("b", name), name, self._folder / name)
                    batch.add(result, lambda bodies=bodies: iter(bodies))  # type: ignore[misc]
                batch.drain()
            finally:
                batch.close()
        return self.finished


@pytest.mark.parametrize("width", [1, 2, 7])
def test_answers_are_in_the_order_of_their_objects_and_bodies(tmp_path: Path, width: int) -> None:
    objects = {f"o{number}": [b"%d-%d," % (number, part) for part in range(number % 4)] for number in range(30)}
    found = Bench(tmp_path, width, lambda body: body).run(objects)
    assert found == [(name, b"".join(bodies)) for name, bodies in objects.items()]


def test_objects_of_one_body_are_under_way_together(tmp_path: Path) -> None:
    together = threading.Barrier(3)

    def call(body: bytes) -> bytes:
        together.wait(30)  # nobody goes on before three have come
        return body

    assert len(Bench(tmp_path, 3, call).run({f"o{number}": [b"x"] for number in range(6)})) == 6


def test_an_object_that_fails_is_left_and_the_others_go_on(tmp_path: Path) -> None:
    calls: list[bytes] = []

    def call(body: bytes) -> bytes:
        calls.append(body)
        if body == b"bad":
            raise Refused("not this")
        return body

    def broken() -> Iterator[bytes]:
        yield b"1"
        raise Refused("no more")

    bench = Bench(tmp_path, 1, call)
    assert bench.run({"a": [b"1", b"2"], "b": [b"bad", *[b"later"] * 50], "c": broken(), "d": []}) == [  # type: ignore[dict-item]
        ("a", b"12"),
        ("b", "not this"),
        ("c", "no more"),
        ("d", b""),
    ]
    assert calls.count(b"later") < 5


def test_what_is_stopped_ends_at_once(tmp_path: Path) -> None:
    bench = Bench(tmp_path, 2, lambda body: bench.stopped.set() or body)  # type: ignore[func-returns-value]
    with pytest.raises(InterruptedError):
        bench.run({"a": [b"1"] * 1000})
    assert bench.finished == []
