"""Transform jobs through boto3: splitting, packing, joining, assembling, and what each kind of failure leaves."""

from __future__ import annotations

import gzip
import json
import os
import signal
import struct
import uuid
from typing import Any

import pytest
import xgboost

from tests.cloud import BUCKET, XGBOOST, Cloud, eventually
from tests.hosting import Hosting, archive
from tests.processes import servers_of

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: CreateTransformJob, TransformInput, TransformOutput, DataProcessing"
)


MB = 1 << 20
CLIENT_ERROR = "ClientError: See job logs for more information"


@pytest.fixture
def here(cloud: Cloud) -> str:
    return cloud.name("rows") + "/"


def uri(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


def posts(cloud: Cloud, job: dict[str, Any]) -> list[int]:
    """The sizes of the bodies that the model server was sent, as it logged them."""
    lines = cloud.log(job["TransformJobName"], "TransformJobs")
    return [int(line.split()[-1]) for line in lines if line.startswith("POST /invocations")]


def test_every_object_below_a_prefix_gets_its_output(hosting: Hosting, cloud: Cloud, here: str) -> None:
    for name in ("a.csv", "deep/er/b.csv", "empty.csv"):
        cloud.put(f"{here}in/{name}", "" if name == "empty.csv" else "1,2\n3,4,5")
    job = hosting.transform(hosting.model(ANSWER="sizes"), uri(here + "in/"))
    assert job["TransformJobStatus"] == "Completed"
    assert hosting.outputs(job) == {"a.csv.out": b"2\n3\n", "deep/er/b.csv.out": b"2\n3\n", "empty.csv.out": b""}
    assert job["TransformStartTime"] <= job["TransformEndTime"]
    assert "FailureReason" not in job


def test_instances_share_the_objects(hosting: Hosting, cloud: Cloud, here: str) -> None:
    for number in range(4):
        cloud.put(f"{here}in/{number}.csv", f"{number}\n")
    two = {"TransformResources": {"InstanceType": "ml.m5.large", "InstanceCount": 2}}
    job = hosting.transform(hosting.model(), uri(here + "in/"), **two)
    assert hosting.outputs(job) == {f"{number}.csv.out": f"{number}\n".encode() for number in range(4)}
    name, group = job["TransformJobName"], "/aws/sagemaker/TransformJobs"
    streams = cloud.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=name)["logStreams"]
    posts_by_stream = {
        stream["logStreamName"].removeprefix(f"{name}/")[:6]: [
            event["message"]
            for event in cloud.logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"])["events"]
            if event["message"].startswith("POST /invocations")
        ]
        for stream in streams
        if not stream["logStreamName"].endswith("/data-log")
    }
    assert {host: len(found) for host, found in posts_by_stream.items()} == {"algo-1": 2, "algo-2": 2}
    assert len(streams) == 4
    # One that gives up ends the job, and the other server with it.
    broken = cloud.put(f"{here}list.json", "[]")
    job = hosting.transform(hosting.model(), broken, listed="ManifestFile", **two)
    assert job["FailureReason"].startswith("ClientError: Manifest file ")
    assert not list((cloud.state / "jobs" / "servers").glob("transform-*"))


def test_a_single_object_gets_its_base_name(hosting: Hosting, cloud: Cloud, here: str) -> None:
    source = cloud.put(f"{here}some/where/t.csv", "1\n")
    assert list(hosting.outputs(hosting.transform(hosting.model(), source))) == ["t.csv.out"]


def test_a_manifest_names_the_objects(hosting: Hosting, cloud: Cloud, here: str) -> None:
    for name in ("x/1.csv", "x/2.csv", "y.csv"):
        cloud.put(here + name, name)
    manifest = cloud.put(here + "manifest.json", json.dumps([{"prefix": uri(here)}, "x/2.csv", "y.csv"]))
    job = hosting.transform(hosting.model(), manifest, listed="ManifestFile")
    assert hosting.outputs(job) == {"x/2.csv.out": b"x/2.csv\n", "y.csv.out": b"y.csv\n"}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_manifest_that_names_what_is_not_there_fails_the_job(hosting: Hosting, cloud: Cloud, here: str) -> None:
    manifest = cloud.put(here + "manifest.json", json.dumps([{"prefix": uri(here)}, "absent.csv", "manifest.json"]))
    job = hosting.transform(hosting.model(), manifest, listed="ManifestFile")
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT_ERROR)
    assert list(hosting.outputs(job)) == ["manifest.json.out"]


ROWS = "".join(f"{number},{'x' * 90}\n" for number in range(30_000))  # 2.9 MB


@pytest.mark.parametrize(
    ("split", "strategy", "sent"),
    [
        ("None", "MultiRecord", [len(ROWS)]),
        ("Line", "SingleRecord", None),
        ("Line", "MultiRecord", "packed"),
    ],
)
def test_how_an_object_is_cut(hosting: Hosting, cloud: Cloud, here: str, split: str, strategy: str, sent: Any) -> None:
    rows = ROWS if sent else "1,2\n\n3,4\n5"
    source = cloud.put(here + "t.csv", rows)
    limit = 3 if split == "None" else 1
    job = hosting.transform(
        hosting.model(), source, split=split, BatchStrategy=strategy, MaxPayloadInMB=limit, assemble="None"
    )
    assert job["TransformJobStatus"] == "Completed", job
    sizes = posts(cloud, job)
    if sent == "packed":
        assert len(sizes) == 3
        assert sum(sizes) == len(rows)
        assert all(MB - 200 < size <= MB for size in sizes[:-1])
    else:
        assert sizes == (sent or [4, 4, 1])
    assert hosting.outputs(job) == {"t.csv.out": rows.replace("\n\n", "\n").encode()}


@pytest.mark.parametrize(
    ("split", "frame"),
    [
        ("RecordIO", struct.pack("<II", 0xCED7230A, 5) + b"abcde" + b"\0" * 3),
        ("TFRecord", struct.pack("<QI", 5, 1) + b"abcde" + struct.pack("<I", 2)),
    ],
)
def test_framed_records_are_sent_with_or_without_their_framing(
    hosting: Hosting, cloud: Cloud, here: str, split: str, frame: bytes
) -> None:
    frames = [frame] * 2
    source = cloud.put(here + "t.rec", b"".join(frames))
    asked = {"split": split, "kind": "application/x-records", "assemble": "None"}
    many = hosting.transform(hosting.model(), source, BatchStrategy="MultiRecord", **asked)
    single = hosting.transform(hosting.model(), source, BatchStrategy="SingleRecord", **asked)
    assert hosting.outputs(many) == {"t.rec.out": b"".join(frames)}
    assert hosting.outputs(single) == {"t.rec.out": b"abcdeabcde"}
    assert posts(cloud, single) == [5, 5]


@pytest.mark.parametrize("split", ["None", "Line"])
def test_a_record_larger_than_the_payload_fails_the_job(hosting: Hosting, cloud: Cloud, here: str, split: str) -> None:
    cloud.put(here + "in/a.csv", "1\n")
    cloud.put(here + "in/b.csv", "x" * (MB + 1))
    job = hosting.transform(hosting.model(), uri(here + "in/"), split=split, MaxPayloadInMB=1)
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT_ERROR)
    assert list(hosting.outputs(job)) == ["a.csv.out"]
    told = [line for line in cloud.log(job["TransformJobName"], "TransformJobs") if "Too much data" in line]
    assert f":[sagemaker logs]: {BUCKET}/{here}in/b.csv: Too much data for max payload size" in told[0]


def test_no_payload_limit_takes_an_object_whole(hosting: Hosting, cloud: Cloud, here: str) -> None:
    source = cloud.put(here + "t.bin", b"x" * (7 * MB))
    job = hosting.transform(hosting.model(ANSWER="bodies"), source, split="None", assemble="None", MaxPayloadInMB=0)
    assert hosting.outputs(job) == {"t.bin.out": b"%d" % (7 * MB)}


@pytest.mark.provenance("assumed", source="harness's own behaviour: answers are held in memory")
def test_an_answer_over_the_limit_fails_the_job(
    hosting: Hosting, cloud: Cloud, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.engine.jobs.batch_calls.LARGEST_BODY", MB)
    cloud.put(here + "in/a.csv", b"x" * (MB + 1))
    job = hosting.transform(hosting.model(PARAMETERS="[5]"), uri(here + "in/"), split="None", MaxPayloadInMB=0)
    assert job["TransformJobStatus"] == "Failed"
    lines = cloud.log(job["TransformJobName"], "TransformJobs")
    assert any("over the limit of 1,048,576 bytes" in line for line in lines), lines


def test_gzip_objects_are_unpacked_and_keep_their_names(hosting: Hosting, cloud: Cloud, here: str) -> None:
    cloud.put(here + "in/a.csv.gz", gzip.compress(b"1\n2\n"))
    cloud.put(here + "in/b.csv.gz", b"not packed at all")
    job = hosting.transform(hosting.model(), uri(here + "in/"), compression="Gzip")
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT_ERROR)
    assert hosting.outputs(job) == {"a.csv.gz.out": b"1\n2\n"}


@pytest.mark.parametrize(("assemble", "written"), [("Line", b"1\n1\n"), ("None", b"11")])
def test_answers_are_assembled(hosting: Hosting, cloud: Cloud, here: str, assemble: str, written: bytes) -> None:
    source = cloud.put(here + "t.csv", "1\n2")
    asked = {"BatchStrategy": "SingleRecord", "assemble": assemble}
    model = hosting.model(ANSWER="bodies")
    found = hosting.outputs(hosting.transform(model, source, **asked))["t.csv.out"]
    assert found == written.replace(b"1", b"2", 1)  # the first record has its newline


@pytest.mark.parametrize(
    ("processing", "written"),
    [
        ({"JoinSource": "Input"}, b"1,2,3,3\n4,5,6,3\n"),
        ({"InputFilter": "$[1:]", "JoinSource": "Input"}, b"1,2,3,2\n4,5,6,2\n"),
        ({"InputFilter": "$[1:]", "OutputFilter": "$[0,-1]", "JoinSource": "Input"}, b"1,2\n4,2\n"),
        ({"InputFilter": "$[0]"}, b"1\n1\n"),
    ],
)
def test_data_processing(hosting: Hosting, cloud: Cloud, here: str, processing: dict[str, str], written: bytes) -> None:
    source = cloud.put(here + "t.csv", "1,2,3\n4,5,6\n")
    job = hosting.transform(hosting.model(ANSWER="sizes"), source, processing=processing)
    assert hosting.outputs(job) == {"t.csv.out": written}
    assert job["DataProcessing"] == {"InputFilter": "$", "OutputFilter": "$", "JoinSource": "None", **processing}


@pytest.mark.parametrize(
    ("rows", "processing", "written"),
    [("x,1\ny,2\n", {"InputFilter": "$[1:]"}, b"1\n2\n"), ('{"n": 1}\n', {"OutputFilter": "$.n"}, b"1\n")],
)
def test_without_a_join_answers_may_be_of_another_kind(
    hosting: Hosting, cloud: Cloud, here: str, rows: str, processing: dict[str, str], written: bytes
) -> None:
    source = cloud.put(here + "t.csv", rows)
    job = hosting.transform(hosting.model(), source, accept="application/jsonlines", processing=processing)
    assert hosting.outputs(job) == {"t.csv.out": written}


def test_json_lines_are_joined(hosting: Hosting, cloud: Cloud, here: str) -> None:
    source = cloud.put(here + "t.jsonl", '{"z": 1, "B": 2}\n[1]\n')
    job = hosting.transform(
        hosting.model(ANSWER="labels"), source, kind="application/jsonlines", processing={"JoinSource": "Input"}
    )
    expected = b'{"B":2,"SageMakerOutput":{"n":2},"z":1}\n{"SageMakerInput":[1],"SageMakerOutput":{"n":1}}\n'
    assert hosting.outputs(job) == {"t.jsonl.out": expected}


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_rows_are_filtered_without_assembling(hosting: Hosting, cloud: Cloud, here: str) -> None:
    """AWS's own sample notebook of XGBoost asks for exactly this."""
    source = cloud.put(here + "t.csv", "1,2,3\n4,5,6\n")
    asked = {"processing": {"InputFilter": "$[1:]"}, "assemble": "None"}
    for split in ("Line", "None"):
        job = hosting.transform(hosting.model(), source, split=split, **asked)
        assert hosting.outputs(job) == {"t.csv.out": b"2,3\n5,6\n"}


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"kind": "image/png"}, "ContentType to be one of text/csv, application/json, application/jsonlines"),
        ({"accept": "application/json"}, "needs the same TransformInput.ContentType and TransformOutput.Accept"),
    ],
)
def test_kinds_of_data_that_cannot_be_joined_fail_the_job(
    hosting: Hosting, cloud: Cloud, here: str, asked: dict[str, str], why: str
) -> None:
    source = cloud.put(here + "t.csv", "1\n")
    job = hosting.transform(hosting.model(), source, processing={"JoinSource": "Input"}, **asked)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert why in job["FailureReason"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_bare_quote_fails_the_job_of_filtered_rows(hosting: Hosting, cloud: Cloud, here: str) -> None:
    source = cloud.put(here + "t.csv", 'x,0.5\nTara"ma,1\n')
    job = hosting.transform(hosting.model(ANSWER="sizes"), source, processing={"InputFilter": "$[1:]"})
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT_ERROR)
    assert hosting.outputs(job) == {}
    assert any('bare " in non-quoted-field' in line for line in cloud.log(job["TransformJobName"], "TransformJobs"))


@pytest.mark.parametrize("processing", [{"OutputFilter": "$[5]"}, {"InputFilter": "$[0,7]"}])
def test_an_index_out_of_range_fails_the_job(
    hosting: Hosting, cloud: Cloud, here: str, processing: dict[str, str]
) -> None:
    job = hosting.transform(hosting.model(ANSWER="sizes"), cloud.put(here + "t.csv", "1,2\n"), processing=processing)
    assert (job["TransformJobStatus"], hosting.outputs(job)) == ("Failed", {})
    assert any("out of range" in line for line in cloud.log(job["TransformJobName"], "TransformJobs"))


def test_one_refused_object_fails_the_job_and_keeps_the_others(hosting: Hosting, cloud: Cloud, here: str) -> None:
    for name, text in (("a.csv", "1\n"), ("b.csv", "poison\n"), ("c.csv", "3\n")):
        cloud.put(f"{here}in/{name}", text)
    job = hosting.transform(hosting.model(REFUSE="poison"), uri(here + "in/"))
    assert (job["TransformJobStatus"], job["FailureReason"]) == ("Failed", CLIENT_ERROR)
    assert hosting.outputs(job) == {"a.csv.out": b"1\n", "c.csv.out": b"3\n"}
    place = f"{BUCKET}/{here}in/b.csv: "
    lines = cloud.log(job["TransformJobName"], "TransformJobs")
    told = [line.partition(place)[2] for line in lines if place in line]
    assert told == ["ClientError: 400", "", "Message:", "refused:", "not this"]
    assert len(posts(cloud, job)) == 3  # a refusal is final
    streams = cloud.logs.describe_log_streams(
        logGroupName="/aws/sagemaker/TransformJobs", logStreamNamePrefix=f"{job['TransformJobName']}/"
    )["logStreams"]
    assert [item["logStreamName"].count("/") for item in streams] == [1, 2]
    assert streams[1]["logStreamName"] == streams[0]["logStreamName"] + "/data-log"


@pytest.mark.parametrize(("retries", "calls"), [(0, 1), (2, 3)])
def test_server_errors_are_tried_again(hosting: Hosting, cloud: Cloud, here: str, retries: int, calls: int) -> None:
    source = cloud.put(here + "t.csv", "poison")
    client = {"InvocationsMaxRetries": retries, "InvocationsTimeoutInSeconds": 5}
    job = hosting.transform(hosting.model(REFUSE="poison", REFUSE_STATUS="503"), source, ModelClientConfig=client)
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert len(posts(cloud, job)) == calls


def test_the_container_gets_the_batch_variables(hosting: Hosting, cloud: Cloud, here: str) -> None:
    source = cloud.put(here + "t.csv", "1\n")
    model = hosting.model(ANSWER="facts", FROM_MODEL="m", BOTH="m")
    asked = {"BatchStrategy": "SingleRecord", "MaxPayloadInMB": 2, "MaxConcurrentTransforms": 3}
    told = hosting.transform(model, source, Environment={"BOTH": "job"}, accept="text/plain", **asked)
    facts = json.loads(hosting.outputs(told)["t.csv.out"])
    wanted = {
        "SAGEMAKER_BATCH": "true",
        "SAGEMAKER_BATCH_STRATEGY": "SINGLE_RECORD",
        "SAGEMAKER_MAX_PAYLOAD_IN_MB": "2",
        "SAGEMAKER_MAX_CONCURRENT_TRANSFORMS": "3",
        "FROM_MODEL": "m",
        "BOTH": "job",
    }
    assert {name: facts["env"].get(name) for name in wanted} == wanted
    assert (facts["headers"]["Content-Type"], facts["headers"]["Accept"]) == ("text/csv", "text/plain")
    plain = hosting.transform(model, source)
    names = json.loads(hosting.outputs(plain)["t.csv.out"])["env"].keys()
    assert {name for name in names if name.startswith("SAGEMAKER_") and "BIND" not in name} == {"SAGEMAKER_BATCH"}


def test_the_request_wins_over_the_container_and_the_container_over_defaults(
    hosting: Hosting, cloud: Cloud, here: str
) -> None:
    source = cloud.put(here + "t.csv", "1\n2\n")
    parameters = {"MaxConcurrentTransforms": 2, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 4}
    asking = hosting.model(PARAMETERS=json.dumps(parameters))

    def told(model: str, **more: Any) -> str:
        job = hosting.transform(model, source, **more)
        lines = cloud.log(job["TransformJobName"], "TransformJobs")
        return next(line for line in lines if "[sagemaker logs]" in line).partition(":[sagemaker logs]: ")[2]

    assert told(asking) == "MaxConcurrentTransforms=2, MaxPayloadInMB=4, BatchStrategy=SINGLE_RECORD"
    asked = {"MaxConcurrentTransforms": 1, "MaxPayloadInMB": 9, "BatchStrategy": "MultiRecord"}
    assert told(asking, **asked) == "MaxConcurrentTransforms=1, MaxPayloadInMB=9, BatchStrategy=MULTI_RECORD"
    assert told(hosting.model()) == "MaxConcurrentTransforms=1, MaxPayloadInMB=6, BatchStrategy=MULTI_RECORD"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_job_is_stopped_in_the_middle(hosting: Hosting, cloud: Cloud, here: str) -> None:
    cloud.put(here + "in/a.csv", "1\n")
    cloud.put(here + "in/b.csv", "9\n" * 20_000)
    name = hosting.begin_transform(hosting.model(), uri(here + "in/"), BatchStrategy="SingleRecord")
    eventually(lambda: cloud.keys(f"{name}/out/"))
    hosting.sagemaker.stop_transform_job(TransformJobName=name)
    job = hosting.transformed(name)
    assert job["TransformJobStatus"] == "Stopped"
    assert list(hosting.outputs(job)) == ["a.csv.out"]
    assert job["TransformEndTime"]
    assert not [line for line in cloud.log(name, "TransformJobs") if "Unable to get response" in line]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.needs("namespaces")
def test_a_server_killed_in_the_middle_fails_the_job(hosting: Hosting, cloud: Cloud, here: str) -> None:
    cloud.put(here + "in/a.csv", "1\n")
    cloud.put(here + "in/b.csv", "9\n" * 20_000)
    file = f"weights-{uuid.uuid4().hex}"
    model = hosting.model(cloud.put(here + "model.tar.gz", archive({file: "1"})))
    name = hosting.begin_transform(model, uri(here + "in/"), BatchStrategy="SingleRecord")
    eventually(lambda: cloud.keys(f"{name}/out/"))
    [pid] = servers_of(file)
    os.kill(pid, signal.SIGKILL)
    job = hosting.transformed(name)
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information"
    assert list(hosting.outputs(job)) == ["a.csv.out"]
    assert any("Unable to get response from algorithm" in line for line in cloud.log(name, "TransformJobs"))


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_server_that_does_not_come_up_fails_the_job(hosting: Hosting, cloud: Cloud, here: str) -> None:
    job = hosting.transform(hosting.model(PING="exit"), cloud.put(here + "t.csv", "1\n"))
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: The model server did not become healthy")
    assert "; its log ends:\n" in job["FailureReason"]
    assert job["FailureReason"].endswith("\nthe server gives up")  # whether it said more before is a matter of time


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"junk", "is not a tar.gz archive"),
        (archive({}), "holds no file"),
        (archive({"a/../../x": "1"}), "outside its own folder"),
        (archive({"/abs": "1"}), "outside its own folder"),
    ],
    ids=["junk", "empty", "climbing", "absolute"],
)
def test_a_bad_model_archive_fails_the_job(hosting: Hosting, cloud: Cloud, here: str, data: bytes, told: str) -> None:
    model = hosting.model(cloud.put(here + "model.tar.gz", data))
    job = hosting.transform(model, cloud.put(here + "t.csv", "1\n"))
    assert job["TransformJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Model")
    assert told in job["FailureReason"]


def test_a_model_of_plain_files_is_copied_as_it_lies(hosting: Hosting, cloud: Cloud, here: str) -> None:
    cloud.put(here + "files/weights", "1")
    cloud.put(here + "files/code/inference.py", "2")
    for kind, place in (("S3Prefix", "files/"), ("S3Object", "files/weights")):
        source = {"S3Uri": uri(here + place), "S3DataType": kind, "CompressionType": "None"}
        environment = {"ANSWER": "facts"}
        container = {"Image": hosting.image, "ModelDataSource": {"S3DataSource": source}, "Environment": environment}
        job = hosting.transform(hosting.model_of(container), cloud.put(here + "in/t.csv", "1\n"))
        files = json.loads(hosting.outputs(job)["t.csv.out"])["files"]
        assert files == ({"weights": "1", "code/inference.py": "2"} if kind == "S3Prefix" else {"weights": "1"})


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_output_bucket_that_is_not_there_fails_the_job(hosting: Hosting, cloud: Cloud, here: str) -> None:
    request = hosting.transform_request(hosting.model(), cloud.put(here + "t.csv", "1\n"))
    request["TransformOutput"]["S3OutputPath"] = "s3://no-such-bucket/x"
    hosting.sagemaker.create_transform_job(**request)
    job = hosting.transformed(request["TransformJobName"])
    assert job["FailureReason"] == "ClientError: The specified bucket does not exist: no-such-bucket"


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")
def test_xgboost_answers_a_line_per_record(hosting: Hosting, cloud: Cloud, here: str) -> None:
    table = [[float(number % 7), float(number % 3)] for number in range(50)]
    booster = xgboost.train({}, xgboost.DMatrix(table, label=[row[0] for row in table]), 3)
    uri_ = cloud.put(here + "model.tar.gz", archive({"xgboost-model": bytes(booster.save_raw("ubj"))}))
    source = cloud.put(here + "t.csv", "".join(f"{a},{b}\n" for a, b in table))
    job = hosting.transform(hosting.model(uri_, image=XGBOOST), source, processing={"JoinSource": "Input"})
    assert job["TransformJobStatus"] == "Completed", job
    rows = [line.split(",") for line in hosting.outputs(job)["t.csv.out"].decode().splitlines()]
    assert [[float(a), float(b)] for a, b, _ in rows] == table
    expected = [float(value) for value in booster.predict(xgboost.DMatrix(table))]
    assert [float(value) for *_, value in rows] == pytest.approx(expected, abs=1e-6)
