"""Requests of RecordIO frames with protobuf records, as the SageMaker SDK writes them."""

from __future__ import annotations

import contextlib
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from xgboost_container.record_bodies import parse_records
from xgboost_container.request_bodies import UnreadableBody, parse_body

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")


ROWS = np.array([[0.5, -1.25, 3.0], [0.0, 7.5, 0.0]])
MAGIC = struct.pack("<I", 0xCED7230A)
WRITING = """
import sys, warnings
warnings.simplefilter("ignore")
import numpy as np
from scipy.sparse import csr_matrix
from sagemaker.amazon.common import write_numpy_to_dense_tensor, write_spmatrix_to_sparse_tensor
rows = np.array({rows})
for kind in ("float32", "float64", "int64"):
    with open(sys.argv[1] + "/dense-" + kind, "wb") as stream:
        write_numpy_to_dense_tensor(stream, rows.astype(kind), labels=np.array([1.0, 0.0]))
    with open(sys.argv[1] + "/sparse-" + kind, "wb") as stream:
        write_spmatrix_to_sparse_tensor(stream, csr_matrix(rows.astype(kind)))
"""


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    code = WRITING.format(rows=ROWS.tolist())
    subprocess.run([sys.executable, "-c", code, str(folder)], check=True, capture_output=True, timeout=60)
    return folder


@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
def test_records_of_the_sdk(written: Path, kind: str) -> None:
    expected = ROWS.astype(kind)
    dense, name = parse_body((written / f"dense-{kind}").read_bytes(), "application/x-recordio-protobuf")
    assert name == "recordio-protobuf"
    assert isinstance(dense, np.ndarray)
    assert (dense == expected).all()
    sparse, _ = parse_body((written / f"sparse-{kind}").read_bytes(), "recordio-protobuf")
    assert isinstance(sparse, csr_matrix)
    assert (sparse.toarray() == expected).all()


def test_one_sparse_record_makes_all_sparse(written: Path) -> None:
    body = (written / "dense-float32").read_bytes() + (written / "sparse-float64").read_bytes()
    assert (parse_records(body).toarray() == np.vstack([ROWS, ROWS])).all()


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"1,2,3", "the last frame is cut off"),
        (b"1,2,3,4,5,6", "there is no RecordIO frame at byte 0"),
        (MAGIC + struct.pack("<I", 9) + b"\0", "the last frame is cut off"),
        (MAGIC + struct.pack("<I", 1 << 29), "split over several frames"),
        (MAGIC + struct.pack("<I", 0), "no feature tensor 'values'"),
        (MAGIC + struct.pack("<I", 1) + b"\xff\0\0\0", "no protobuf message"),
        (MAGIC + struct.pack("<I", 2) + b"\x0a\x7f\0\0", "a record is cut off"),
    ],
)
def test_what_is_no_record_is_said(body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableBody, match="Loading recordio-protobuf data failed with Exception") as raised:
        parse_body(body, "application/x-recordio-protobuf")
    assert reason in str(raised.value)


def test_records_of_different_width(written: Path) -> None:
    body = (written / "dense-float32").read_bytes()
    narrow = MAGIC + struct.pack("<I", 18) + b"\x0a\x10\x0a\x06values\x12\x06\x12\x04\x0a\x02" + b"\0\0" + b"\0\0"
    with pytest.raises(ValueError, match="buffer size must be a multiple"):
        parse_records(narrow)
    single = struct.pack("<f", 2.0)
    record = b"\x0a\x12\x0a\x06values\x12\x08\x12\x06\x0a\x04" + single
    with pytest.raises(ValueError, match="records have from 1 to 3 values"):
        parse_records(body + MAGIC + struct.pack("<I", len(record)) + record)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_every_cut_is_an_error_or_fewer_records(written: Path) -> None:
    body = (written / "dense-float64").read_bytes()
    for end in range(1, len(body)):
        with contextlib.suppress(ValueError):
            assert len(parse_records(body[:end])) == 1
