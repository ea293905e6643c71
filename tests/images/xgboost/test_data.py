"""What a channel may hold, and the text for what it may not."""

from __future__ import annotations

import os
import struct
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import Any

import numpy as np
import pytest

from .conftest import Job, as_csv, table

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")


ROWS = as_csv(table(60))
LIBSVM = "".join(f"{i % 2} 0:{i} 2:{i * 0.5}\n" for i in range(40))


def rows_read(job: Job) -> str:
    return next(line for line in job.stderr.splitlines() if "Train matrix has" in line).partition("INFO] ")[2]


def failed(job: Job) -> str:
    assert job.train() == 1
    return job.failure.rpartition("\n\n")[2]


def test_channels_that_are_refused(empty_job: Job) -> None:
    assert failed(empty_job) == "Missing required channel: train"
    empty_job.add_channel("train", {"a.csv": ROWS})
    empty_job.add_channel("test", {"a.csv": ROWS})
    assert failed(empty_job) == "Extraneous channel found: test"


@pytest.mark.parametrize("content_type", ["text/csv;label_size=1", "text/plain", "TEXT/CSV"])
def test_content_type_must_match_exactly(empty_job: Job, content_type: str) -> None:
    empty_job.add_channel("train", {"a.csv": ROWS}, content_type)
    assert failed(empty_job).startswith("Channel configuration for 'train' channel is not supported: {")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_what_this_program_cannot_do_is_said(empty_job: Job) -> None:
    empty_job.add_channel("train", {"a": ROWS}, "application/x-parquet", TrainingInputMode="Pipe")
    assert failed(empty_job) == "Pipe mode for Parquet is not supported by this image: use File mode."


def encode_record(row: Any) -> bytes:
    """A frame with a label and the features; all lengths are below 128 here, so they are single bytes."""

    def field(number: int, content: bytes) -> bytes:
        return bytes([number << 3 | 2, len(content)]) + content

    def entry(values: Any) -> bytes:
        tensor = field(1, struct.pack(f"<{len(values)}f", *values))
        return field(1, b"values") + field(2, field(2, tensor))

    record = field(1, entry(row[1:])) + field(2, entry(row[:1]))
    return struct.pack("<II", 0xCED7230A, len(record)) + record + b"\0" * (-len(record) % 4)


def test_recordio_and_pipes_give_the_numbers_of_csv(job: Job) -> None:
    channels = {"train": table(300), "validation": table(100, seed=2)}
    assert job.train() == 0, job.failure
    expected = job.metric_lines
    for channel, values in channels.items():
        folder = job.root / "input" / "data" / channel
        job.add_channel(channel, {}, "application/x-recordio-protobuf")
        (folder / f"{channel}.csv").unlink()
        for part, rows in enumerate(np.array_split(values, 2)):
            (folder / f"{part}.pbr").write_bytes(b"".join(encode_record(row) for row in rows))
    assert job.train() == 0, job.failure
    assert job.metric_lines == 2 * expected
    job.add_channel("train", {"2.pbr": "no record"}, "application/x-recordio-protobuf")
    assert failed(job) == "Failed to load recordio-protobuf data with exception:\nthere is no RecordIO frame at byte 0"
    for channel, values in channels.items():
        fifo = job.root / "input" / "data" / f"{channel}_0"
        job.add_channel(channel, {}, "text/csv", TrainingInputMode="Pipe")
        os.mkfifo(fifo)
        Thread(target=fifo.write_text, args=(as_csv(values),), daemon=True).start()
    assert job.train() == 0, job.failure
    assert job.metric_lines == 3 * expected


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_hosts_that_have_data_go_on_together(parent: Any) -> None:
    """The first host tells the others who takes part, after it has prepared for them."""
    from xgboost_container.distributed import find_participants

    hosts = ["localhost", "algo-2", "algo-3"]
    prepared: list[list[str]] = []

    def say(host: str, has_data: bool) -> list[str]:
        return find_participants(hosts, host, has_data, prepared.append)

    with ThreadPoolExecutor(3) as pool:
        told = [pool.submit(say, host, host != "algo-2") for host in reversed(hosts)]
        assert [answer.result(30) for answer in told] == [["localhost", "algo-3"]] * 3
    assert prepared == [["localhost", "algo-3"]]


def test_hidden_file(job: Job) -> None:
    job.add_channel("train", {"deep/.DS_Store": "x"})
    assert failed(job) == "Hidden file found in the data path! Remove that before training."


@pytest.mark.parametrize("files", [{}, {"empty.csv": ""}])
def test_no_data(empty_job: Job, files: dict[str, str]) -> None:
    empty_job.add_channel("train", files)
    path = empty_job.root / "input" / "data" / "train"
    assert failed(empty_job) == f"No data in training channel path {path}"


def test_no_validation_data(empty_job: Job) -> None:
    empty_job.add_channel("train", {"a.csv": ROWS})
    empty_job.add_channel("validation", {})
    path = empty_job.root / "input" / "data" / "validation"
    assert failed(empty_job) == f"No data in validation channel path {path}"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("text", "cell"),
    [("y,a,b,c,d,e\n" + ROWS, "y"), (ROWS + "1,0.5,male,1,1,1\n", "male"), (ROWS + "1,0.5,NA,1,1,1\n", "NA")],
)
def test_text_cells_fail_the_job_with_the_cell_named(empty_job: Job, text: str, cell: str) -> None:
    empty_job.add_channel("train", {"train.csv": text})
    message = failed(empty_job)
    assert message.startswith(f"Non-numeric value '{cell}' found in the header line '")
    assert "of file 'train.csv'. CSV format require no header line in it." in message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_byte_order_mark_is_no_text(empty_job: Job) -> None:
    """Excel and PowerShell write one at the beginning of each file."""
    empty_job.add_channel("train", {"a.csv": "\ufeff" + ROWS, "b.csv": "\ufeff" + ROWS})
    assert empty_job.train() == 0, empty_job.failure
    with_marks = empty_job.metric_lines
    assert rows_read(empty_job) == f"Train matrix has {2 * len(ROWS.splitlines())} rows and 5 columns"
    empty_job.add_channel("train", {"a.csv": ROWS, "b.csv": ROWS})
    assert empty_job.train() == 0, empty_job.failure
    assert empty_job.metric_lines == 2 * with_marks
    empty_job.add_channel("train", {"a.csv": "\ufeffy,a,b,c,d,e\n" + ROWS})
    assert failed(empty_job).startswith("Non-numeric value 'y' found")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_markers_that_spark_writes_are_no_data(empty_job: Job) -> None:
    markers = {"_SUCCESS": "", "_metadata": "PAR1 text", "_committed_123": "{}"}
    empty_job.add_channel("train", markers)
    assert failed(empty_job).startswith("No data in training channel path ")
    empty_job.add_channel("train", {"part-00000.csv": ROWS, "part-00001.csv": ROWS})
    assert empty_job.train() == 0, empty_job.failure
    assert rows_read(empty_job) == f"Train matrix has {2 * len(ROWS.splitlines())} rows and 5 columns"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_numbers_written_in_any_way_are_read(empty_job: Job) -> None:
    empty_job.add_channel("train", {"train.csv": ROWS + "1,1e-3,-2.5E+2,,nan,+.5\r\n"})
    assert empty_job.train() == 0, empty_job.failure
    assert rows_read(empty_job) == "Train matrix has 61 rows and 5 columns"


def test_delimiter_is_determined(empty_job: Job) -> None:
    empty_job.add_channel("train", {"train.csv": as_csv(table(60), ";")})
    assert empty_job.train() == 0, empty_job.failure
    assert "Determined delimiter of CSV input is ';'" in empty_job.stderr
    assert rows_read(empty_job) == "Train matrix has 60 rows and 5 columns"


def test_weights_column(empty_job: Job) -> None:
    empty_job.add_channel("train", {"train.csv": ROWS})
    empty_job.hyperparameters["csv_weights"] = "1"
    values = table(60)
    values[:, 1] = abs(values[:, 1])
    empty_job.add_channel("train", {"train.csv": as_csv(values)})
    assert empty_job.train() == 0, empty_job.failure
    assert rows_read(empty_job) == "Train matrix has 60 rows and 4 columns"


def test_files_of_sub_folders_are_read_down_to_depth_three(empty_job: Job) -> None:
    names = ["a b.csv", "x/1#.csv", "x/y/2;.csv", "x/y/z/too_deep.csv"]
    empty_job.add_channel("train", dict.fromkeys(names, ROWS))
    assert empty_job.train() == 0, empty_job.failure
    assert rows_read(empty_job) == "Train matrix has 180 rows and 5 columns"
    assert "x/y/z exceed the limit 3." in empty_job.stderr


def test_libsvm_is_the_default_format(empty_job: Job) -> None:
    empty_job.add_channel("train", {"train.libsvm": LIBSVM}, content_type=None)
    assert empty_job.train() == 0, empty_job.failure
    assert rows_read(empty_job) == "Train matrix has 40 rows and 3 columns"


def test_csv_given_as_libsvm(empty_job: Job) -> None:
    empty_job.add_channel("train", {"train.csv": "1,2,3\n"}, content_type=None)
    assert failed(empty_job) == (
        "First line '1,2,3\n...' of file 'train.csv' is not 'LIBSVM' format. "
        "Please ensure the file is in 'LIBSVM' format."
    )


def test_label_outside_of_the_objective_is_the_callers_mistake(empty_job: Job) -> None:
    empty_job.hyperparameters["base_score"] = "0.5"
    empty_job.add_channel("train", {"train.csv": "5,1,2\n7,2,3\n"})
    assert empty_job.train() == 1
    assert "xgboost_container.errors.UserError: " in empty_job.failure
    assert "label must be in [0,1] for logistic regression" in empty_job.failure


def test_same_file_in_both_channels_is_warned_about(job: Job) -> None:
    job.add_channel("validation", {"train.csv": as_csv(table(300))})
    assert job.train() == 0
    assert "Suspected identical files found." in job.stderr
