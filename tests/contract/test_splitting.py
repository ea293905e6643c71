"""Cutting objects into records and packing records into bodies: nothing lost, nothing changed, no body too large."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.contract import splitting
from harness.contract.splitting import (
    BadRecords,
    lines,
    pack,
    pack_lines,
    recordio,
    recordio_payload,
    single,
    tfrecord,
    tfrecord_payload,
    whole,
)

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: TransformInput SplitType, CreateTransformJob BatchStrategy"
)


LINES = st.lists(
    st.binary(min_size=1, max_size=12).filter(lambda line: b"\n" not in line and line.strip()), max_size=30
)


@given(LINES, st.booleans(), st.integers(13, 60))
def test_packed_lines_are_the_object_in_bodies_of_whole_lines(found: list[bytes], ended: bool, limit: int) -> None:
    data = b"\n".join(found) + (b"\n" if ended and found else b"")
    bodies = list(pack_lines(io.BytesIO(data), limit))
    assert b"".join(bodies) == data
    assert all(len(body) <= limit for body in bodies)
    assert all(body.endswith(b"\n") for body in bodies[:-1])
    assert [line.rstrip(b"\n") for line in lines(io.BytesIO(data), limit)] == found


def test_bodies_are_filled_as_far_as_they_go() -> None:
    assert list(pack_lines(io.BytesIO(b"1,2\n3,4\n5,6\n7"), 8)) == [b"1,2\n3,4\n", b"5,6\n7"]


@pytest.mark.parametrize("cut", [pack_lines, lambda stream, limit: single(lines(stream, limit), limit)])
def test_a_record_may_be_as_large_as_the_limit_and_no_larger(cut) -> None:  # type: ignore[no-untyped-def]
    assert list(cut(io.BytesIO(b"12345678"), 8)) == [b"12345678"]
    assert list(cut(io.BytesIO(b"1\n2345678"), 7)) == [b"1\n", b"2345678"]
    for too_large in (b"123456789", b"12345678\n", b"1\n123456789\n2\n"):
        with pytest.raises(BadRecords, match="larger than MaxPayloadInMB"):
            list(cut(io.BytesIO(too_large), 8))


@pytest.mark.provenance("assumed", source="no named source: blank lines of a transform job's input")
@pytest.mark.parametrize("cut", [pack_lines, lambda stream, limit: single(lines(stream, limit), limit)])
def test_blank_lines_are_no_records(cut) -> None:  # type: ignore[no-untyped-def]
    bodies = list(cut(io.BytesIO(b"\n1\n\n\r\n2\r\n\n"), 100))
    assert b"".join(bodies) == b"1\n2\r\n"
    assert list(cut(io.BytesIO(b"\n\r\n"), 100)) == []


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_stream_that_gives_little_at_a_time_is_read_to_its_end() -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size if size and size > 0 else 3, 3))

    assert list(pack_lines(Trickle(b"1,2\n3,4\n5,6\n"), 9)) == [b"1,2\n3,4\n", b"5,6\n"]


def frame(payload: bytes) -> bytes:
    return struct.pack("<II", 0xCED7230A, len(payload)) + payload + b"\0" * (-len(payload) % 4)


def test_recordio_keeps_its_framing_in_multi_record_bodies_only() -> None:
    frames = [frame(b"a"), frame(b"bcde"), frame(b"")]
    stream = b"".join(frames)
    assert list(pack(recordio(io.BytesIO(stream), 99), 24)) == [frames[0] + frames[1], frames[2]]
    assert [recordio_payload(item) for item in recordio(io.BytesIO(stream), 99)] == [b"a", b"bcde", b""]
    with pytest.raises(BadRecords, match="larger"):
        list(pack(recordio(io.BytesIO(stream), 99), 11))


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"1,2,3\n4,5,6\n", "not RecordIO data"),
        (frame(b"abcd")[:6], "ends inside a header"),
        (frame(b"abcd")[:-1], "ends inside a record"),
        (struct.pack("<II", 0xCED7230A, 1 << 29 | 4) + b"abcd", "not supported by harness"),
    ],
)
def test_what_is_no_recordio_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadRecords, match=why):
        list(recordio(io.BytesIO(data), 99))


def tf_frame(payload: bytes) -> bytes:
    return struct.pack("<QI", len(payload), 1) + payload + struct.pack("<I", 2)


def test_tfrecord_keeps_its_framing_in_multi_record_bodies_only() -> None:
    frames = [tf_frame(b"a"), tf_frame(b"bcde"), tf_frame(b"")]
    stream = b"".join(frames)
    assert list(pack(tfrecord(io.BytesIO(stream), 99), 37)) == [frames[0] + frames[1], frames[2]]
    assert [tfrecord_payload(item) for item in tfrecord(io.BytesIO(stream), 99)] == [b"a", b"bcde", b""]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"1,2,3,4,5,6\n4,5,6\n", "not TFRecord data"),
        (tf_frame(b"abcd")[:6], "ends inside a header"),
        (tf_frame(b"abcd")[:-1], "ends inside a record"),
    ],
)
def test_what_is_no_tfrecord_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadRecords, match=why):
        list(tfrecord(io.BytesIO(data), 99))


def test_a_whole_object_is_one_body() -> None:
    assert list(whole(io.BytesIO(b"x" * 8), 8)) == [b"x" * 8]
    assert list(whole(io.BytesIO(b"x" * 80), 0)) == [b"x" * 80]
    with pytest.raises(BadRecords, match="larger"):
        list(whole(io.BytesIO(b"x" * 9), 8))


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("cut", "header"),
    [(recordio, struct.pack("<II", 0xCED7230A, 1 << 28)), (tfrecord, struct.pack("<QI", 1 << 28, 1))],
)
def test_a_record_that_claims_more_than_the_limit_is_not_read(cut, header: bytes) -> None:  # type: ignore[no-untyped-def]
    stream = io.BytesIO(header + b"x" * 100)
    with pytest.raises(BadRecords, match="larger than MaxPayloadInMB"):
        list(cut(stream, 1 << 20))
    assert stream.tell() == len(header)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_body_without_a_limit_has_one_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(splitting, "LARGEST_BODY", 8)
    assert list(whole(io.BytesIO(b"x" * 8), 0)) == [b"x" * 8]
    with pytest.raises(BadRecords, match="set SplitType"):
        list(whole(io.BytesIO(b"x" * 9), 0))
