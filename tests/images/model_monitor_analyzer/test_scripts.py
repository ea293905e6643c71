"""The user's preprocessing and post-analytics scripts."""

from __future__ import annotations

import pytest

from .conftest import Job, captured

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Preprocessing and Postprocessing")


CAPTURE = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
SCRIPT = "processing/code/preprocessing/script.py"


def run(job: Job, script: str, form: object = CAPTURE, **settings: str):  # type: ignore[no-untyped-def]
    return job.run(form, record_preprocessor_script=job.write(SCRIPT, script), **settings)


def test_record_and_padded_names(job: Job) -> None:
    job.data(captured("0.25", "7,8\n") * 3)
    script = """
import json
def preprocess_handler(inference_record, logger):
    logger.info("one record")
    record = inference_record
    assert record.event_version == "0"
    assert record.event_dict["captureData"]["endpointInput"]["data"] == "7,8\\n"
    meta = record.event_metadata
    assert (meta.event_id, meta.event_time, meta.custom_attribute) == ("e-1", "2024-05-01T10:30:00Z", ["tag=1"])
    side = record.endpoint_input
    assert (side.encoding, side.observedContentType, side.mode) == ("CSV", "text/csv", "INPUT")
    assert record.as_dict() == record.event_dict and record.as_dict() is not record.event_dict
    assert side.as_dict() == record.event_dict["captureData"]["endpointInput"]
    assert meta.as_dict() == record.event_dict["eventMetadata"]
    assert record.batch_transform_output is None and record.ground_truth is None
    values = record.endpoint_output.data.split(",") + side.data.rstrip("\\n").split(",")
    return {str(i).zfill(20): value for i, value in enumerate(values * 4)}
"""
    ending = run(job, script)
    assert ending.code == 0, ending.message
    assert ending.names == [str(i).zfill(20) for i in range(12)]


def test_values_lists_and_dropped_records(job: Job) -> None:
    job.data("".join(captured(str(i), "1") for i in range(6)))
    script = """
def preprocess_handler(inference_record):
    i = int(inference_record.endpoint_output.data)
    if i == 5:
        return []
    return [{"tiny": 1e-07, "whole": i, "none": None, "nan": float("nan"), "yes": True, "text": "x"}] * 2
"""
    ending = run(job, script)
    assert ending.file("statistics.json")["dataset"]["item_count"] == 10
    types = {name: ending.feature(name)["inferred_type"] for name in ending.names}
    assert types == {
        "nan": "Unknown",
        "none": "Unknown",
        "text": "String",
        "tiny": "Fractional",
        "whole": "Integral",
        "yes": "String",
    }
    assert list(types) == sorted(types)


def test_baseline_csv_gets_lines(job: Job) -> None:
    job.data("a,b\n1,2\n3,4\n")
    script = """
def preprocess_handler(line):
    a, b = line.split(",")
    return {"sum": int(a) + int(b)}
"""
    ending = run(job, script, {"csv": {"header": True}})
    assert ending.feature("sum")["numerical_statistics"]["sum"] == 10.0
    assert run(job, script.replace("int(a)", "len(a)"), {"csv": {"header": False}}).code == 1


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_script_is_called_once_per_record(job: Job) -> None:
    """A column that turns into text late is not read again through the script."""
    job.data("\n".join(map(str, range(30))))
    script = """
calls = 0
def preprocess_handler(line):
    global calls
    calls += 1
    return {"x": "text" if line == "29" else int(line), "calls": calls}
"""
    ending = run(job, script, {"csv": {"header": False}})
    assert ending.feature("calls")["numerical_statistics"]["max"] == 30.0
    assert ending.feature("x")["string_statistics"]["distinct_count"] == 30.0


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("script", "text"),
    [
        ("def preprocess_handler(r): return {}", "returned an empty dictionary. Return [] to drop a record."),
        ("def preprocess_handler(r): return 'x'", "returned a value of type str."),
        ("def preprocess_handler(r): return {'a': [1]}", "returned a value of type list for 'a'."),
        ("def preprocess_handler(r): return 1 / 0", "raised ZeroDivisionError: division by zero."),
        ("def preprocess_handler(r): return []", "returned [] for all 1 records."),
        ("def something_else(r): return {}", "has no function preprocess_handler."),
        ("import no_such_module_here", "cannot be imported: ModuleNotFoundError"),
    ],
)
def test_scripts_that_do_not_work(job: Job, script: str, text: str) -> None:
    job.data(captured("1", "2"))
    ending = run(job, script)
    assert ending.code == 1
    assert text in ending.message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_missing_script_and_parquet(job: Job) -> None:
    job.data("1,2\n")
    ending = job.run(CAPTURE, record_preprocessor_script="/opt/ml/processing/code/nothing.py")
    assert "record_preprocessor_script" in ending.message
    assert "does not exist" in ending.message
    ending = run(job, "def preprocess_handler(r): return r", {"parquet": {}})
    assert "dataset_format is parquet" in ending.message


def test_postprocessor_runs_after_the_files_are_written(job: Job) -> None:
    job.data("a\n1\n")
    output = job.root / "processing" / "output"
    script = f"""
from pathlib import Path
def postprocess_handler():
    found = sorted(path.name for path in Path({str(output)!r}).iterdir())
    Path({str(output)!r}, "extra.txt").write_text(",".join(found))
"""
    path = job.write("processing/code/post.py", script)
    ending = job.run({"csv": {"header": True}}, post_analytics_processor_script=path)
    assert ending.code == 0
    assert (output / "extra.txt").read_text() == "constraints.json,statistics.json"
    path = job.write("processing/code/post.py", "def postprocess_handler(): raise KeyError('k')")
    ending = job.run({"csv": {"header": True}}, post_analytics_processor_script=path)
    assert ending.code == 1
    assert "postprocess_handler of" in ending.message
