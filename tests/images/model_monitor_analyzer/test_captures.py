"""Captured records: output before input, several lines, encodings, the window, and what does not fit."""

from __future__ import annotations

import base64
import json

import pytest

from .conftest import WINDOW, Job, captured

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Capture data from real-time endpoint")


CAPTURE = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput", "endpointOutput"]}}
CSV = {"csv": {"header": True}}
HOUR = "endpoint/AllTraffic/2024/05/01/10"
BASELINE = "label,age,balance\n" + "".join(f"{i % 2},{20 + i % 50},{i * 10}\n" for i in range(200))


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_output_values_come_first(job: Job) -> None:
    job.data(captured("0.75\n", "30,1000\n"), f"{HOUR}/a.jsonl")
    ending = job.run(CAPTURE, **WINDOW)
    assert ending.names == ["_c0", "_c1", "_c2"]
    assert ending.feature("_c0")["numerical_statistics"]["sum"] == 0.75
    assert ending.feature("_c2")["numerical_statistics"]["sum"] == 1000.0


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_names_come_from_the_baseline(job: Job) -> None:
    baseline = job.baseline(BASELINE, CSV)
    job.data("".join(captured(f"{i % 2}", f"{20 + i % 50},{i * 10}") for i in range(200)), f"{HOUR}/a.jsonl")
    ending = job.run(CAPTURE, **baseline, **WINDOW)
    assert ending.names == ["label", "age", "balance"]
    assert ending.violations == set()
    assert ending.message == "Completed: Job completed successfully with no violations."


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_drifted_and_fractional_traffic(job: Job) -> None:
    baseline = job.baseline(BASELINE, CSV)
    job.data("".join(captured(f"0.{i:03}", f"{60 + i % 50},{i * 10}") for i in range(200)), f"{HOUR}/a.jsonl")
    ending = job.run(CAPTURE, **baseline, **WINDOW)
    # No drift beside a type that does not match, although all labels are other than the baseline's.
    assert ending.violations == {("label", "data_type_check"), ("age", "baseline_drift_check")}
    assert ending.message == "CompletedWithViolations: Job completed successfully with 2 violations."


def test_one_payload_of_several_lines(job: Job) -> None:
    job.data(captured("1\n0\n1\n", '30,"a ""b"""\n40,\n50,c\n'))
    ending = job.run(CAPTURE)
    assert ending.file("statistics.json")["dataset"]["item_count"] == 3
    assert ending.feature("_c1")["numerical_statistics"]["sum"] == 120.0
    strings = ending.feature("_c2")["string_statistics"]
    assert strings["common"] == {"num_present": 2, "num_missing": 1}
    assert {bucket["value"] for bucket in strings["distribution"]["categorical"]["buckets"]} == {'a "b"', "c"}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_line_counts_must_match(job: Job) -> None:
    job.data(captured("1", "30") + captured("1\n0\n", "30\n"), "hour/a.jsonl")
    ending = job.run(CAPTURE)
    assert ending.code == 1
    assert "a.jsonl line 2: endpointOutput holds 2 lines and endpointInput holds 1." in ending.message
    assert ending.message.startswith("Error: ")


@pytest.mark.provenance("recorded", source="issue aws/sagemaker-python-sdk#2785")
@pytest.mark.parametrize(
    ("given", "answered"), [("CSV", "JSON"), ("JSON", "CSV"), ("CSV", "BASE64"), ("BASE64", "JSON")]
)
@pytest.mark.parametrize("sides", [["endpointInput", "endpointOutput"], ["endpointOutput", "endpointInput"]])
def test_sides_of_different_encodings(job: Job, given: str, answered: str, sides: list[str]) -> None:
    data = {"CSV": "1,2", "JSON": '{"p": 1}', "BASE64": base64.b64encode(b"1").decode()}
    event = json.loads(captured("", ""))
    event["captureData"]["endpointInput"].update(data=data[given], encoding=given)
    event["captureData"]["endpointOutput"].update(data=data[answered], encoding=answered)
    job.data(json.dumps(event) + "\n")
    ending = job.run({"sagemakerCaptureJson": {"captureIndexNames": sides}})
    assert ending.code == 1
    assert ending.message == (
        f"Error: Encoding mismatch: Encoding is {given} for endpointInput, but Encoding is {answered} for "
        "endpointOutput. We currently only support the same type of input and output encoding at the moment."
    )
    assert job.run({"sagemakerCaptureJson": {"captureIndexNames": sides[:1]}}).code == 0


def test_base64_and_json(job: Job) -> None:
    encoded = [base64.b64encode(text).decode() for text in (b"1\n", b"30,5\n")]
    job.data(captured(*encoded, encoding="BASE64"))
    assert job.run(CAPTURE).names == ["_c0", "_c1", "_c2"]
    job.data(
        captured('{"score": 0.50, "ok": true}', '{\n "age": 30,\n "rate": 1e-05, "note": null}', encoding="JSON")
        + captured('{"score": 1}\n{"score": 2}', '{"age": 1.0}\n{"age": 2}', encoding="JSON")
    )
    ending = job.run(CAPTURE)
    assert {name: ending.feature(name)["inferred_type"] for name in ending.names} == {
        "score": "Fractional",
        "ok": "String",
        "age": "Fractional",
        "rate": "String",
        "note": "Unknown",
    }
    assert ending.feature("score")["numerical_statistics"]["sum"] == 3.5
    assert ending.feature("ok")["string_statistics"]["common"] == {"num_present": 1, "num_missing": 2}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("line", "text"),
    [
        (captured('{"a": [1]}', '{"b": 1}', encoding="JSON"), "'a' holds an array"),
        (captured("[1, 2]", '{"b": 1}', encoding="JSON"), "holds an array where a flat JSON object is expected"),
        (captured('{"a": 1}', '{"a": 1}', encoding="JSON"), "'a' is both in the output and in the input"),
        (captured("{oops", "{}", encoding="JSON"), "endpointOutput cannot be read as JSON"),
        (captured(None, "1,2"), "holds no endpointOutput"),
        (captured("1", "2", encoding="XML"), "encoding of endpointOutput is 'XML'"),
        (captured("/w==", "/w==", encoding="BASE64", content_type="image/png"), "'image/png') is BASE64 and not UTF-8"),
        (captured("1", "2", time="yesterday"), "inferenceTime 'yesterday' is not a time"),
        ("nonsense\n", "a.jsonl line 1 is not a captured record"),
        ('{"a": 1}\n', "it has no captureData object"),
    ],
)
def test_records_that_do_not_fit(job: Job, line: str, text: str) -> None:
    job.data(line, "a.jsonl")
    ending = job.run(CAPTURE, **WINDOW)
    assert ending.code == 1
    assert text in ending.message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_only_the_window_counts(job: Job) -> None:
    times = ["09:59:59", "10:00:00", "10:59:59", "11:00:00"]
    for number, time in enumerate(times):
        job.data(captured(str(number), "5", time=f"2024-05-01T{time}Z"), f"{HOUR}/{number}.jsonl")
    assert job.run(CAPTURE).file("statistics.json")["dataset"]["item_count"] == 4
    ending = job.run(CAPTURE, **WINDOW)
    assert ending.feature("_c0")["numerical_statistics"]["distribution"]["kll"]["sketch"]["data"] == [[1.0, 2.0]]
    other = {"start_time": "2024-05-02T10:00:00Z", "end_time": "2024-05-02T11:00:00Z"}
    ending = job.run(CAPTURE, **other)
    assert ending.code == 1
    assert "none of the 4 captured records" in ending.message


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_only_the_listed_sides(job: Job) -> None:
    job.data(captured("1", "30,5"))
    form = {"sagemakerCaptureJson": {"captureIndexNames": ["endpointInput"]}}
    assert job.run(form).names == ["_c0", "_c1"]
    assert job.run({"sagemakerCaptureJson": {}}).names == ["_c0", "_c1", "_c2"]


@pytest.mark.provenance("assumed", source="no named source: reports of users")
def test_fewer_and_more_columns_than_the_baseline(job: Job) -> None:
    baseline = job.baseline(BASELINE, CSV)
    job.data(captured("1", "30"), "a.jsonl")
    assert job.run(CAPTURE, **baseline).violations == {("Missing columns", "missing_column_check")}
    job.data(captured("1", "30,5,7"), "a.jsonl")
    assert job.run(CAPTURE, **baseline).violations == {("Extra columns", "extra_column_check")}


def test_key_order_of_a_violation(job: Job) -> None:
    baseline = job.baseline(BASELINE, CSV)
    job.data(captured("1", "30"), "a.jsonl")
    violation = job.run(CAPTURE, **baseline).file("constraint_violations.json")["violations"][0]
    assert list(violation) == ["feature_name", "constraint_check_type", "description"]
    assert json.dumps(violation).count("Number of columns") == 2
