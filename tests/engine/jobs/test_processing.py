"""Processing jobs through boto3: inputs, outputs, arguments, exit messages, the ways to end."""

from __future__ import annotations

import gzip
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from harness.kernel import unpacking
from tests.cloud import BUCKET, CODE, Cloud, eventually

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Build your own processing container")


IN = "/opt/ml/processing/input/data"
OUT = "/opt/ml/processing/output"

COPY = f"""
import pathlib, shutil
for file in sorted(pathlib.Path("{IN}").rglob("*")):
    print(file.relative_to("{IN}"))
shutil.copytree("{IN}", "{OUT}", dirs_exist_ok=True)
"""


@pytest.fixture
def here(cloud: Cloud) -> str:
    """A prefix of the test's own, with a slash at its end."""
    return cloud.name("data") + "/"


def uri(key: str) -> str:
    return f"s3://{BUCKET}/{key}"


def test_the_tree_below_a_prefix_goes_in_and_comes_out(cloud: Cloud, here: str) -> None:
    for name in ("a.csv", "deep/er/b.csv", "empty"):
        cloud.put(f"{here}in/{name}", b"" if name == "empty" else name)
    cloud.put(f"{here}in/folder/", b"")
    cloud.put(f"{here}inside-another", b"not asked for by in/")
    job = cloud.process(COPY, inputs={IN: uri(here + "in/")}, outputs={OUT: uri(here + "out")})
    assert job["ProcessingJobStatus"] == "Completed"
    assert cloud.keys(here + "out/") == ["a.csv", "deep/er/b.csv", "empty"]
    assert cloud.get(f"{here}out/deep/er/b.csv") == b"deep/er/b.csv"


def test_a_single_object_gets_its_base_name(cloud: Cloud, here: str) -> None:
    source = cloud.put(f"{here}some/table.csv", "1,2\n")
    cloud.process(COPY, inputs={IN: source}, outputs={OUT: uri(here + "out/")})
    assert cloud.keys(here + "out/") == ["table.csv"]


def test_a_manifest_names_its_objects(cloud: Cloud, here: str) -> None:
    for name in ("x/1.csv", "x/2.csv", "y.csv"):
        cloud.put(here + name, name)
    manifest = cloud.put(here + "manifest.json", json.dumps([{"prefix": uri(here)}, "x/2.csv", "y.csv"]))
    source = {"S3Uri": manifest, "LocalPath": IN, "S3DataType": "ManifestFile", "S3InputMode": "File"}
    job = cloud.process(COPY, raw_inputs=[{"InputName": "listed", "S3Input": source}], outputs={OUT: uri(here + "out")})
    assert job["ProcessingJobStatus"] == "Completed", job
    assert cloud.keys(here + "out/") == ["x/2.csv", "y.csv"]


@pytest.mark.parametrize(
    "manifest", ["{}", "[]", "no json", "[" * 100_000, '[{"prefix": "s3://the-bucket/"}, "absent.csv"]']
)
def test_a_manifest_that_leads_nowhere_fails_the_job(cloud: Cloud, here: str, manifest: str) -> None:
    source = {"S3Uri": cloud.put(here + "m.json", manifest), "LocalPath": IN, "S3DataType": "ManifestFile"}
    job = cloud.process(COPY, raw_inputs=[{"InputName": "listed", "S3Input": {**source, "S3InputMode": "File"}}])
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: ")
    assert "ProcessingEndTime" in job
    assert "ProcessingStartTime" not in job


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_key_that_no_file_can_be_named_fails_the_job(cloud: Cloud, here: str) -> None:
    cloud.put(f"{here}in/{'x' * 300}.csv", "1")
    job = cloud.process(COPY, inputs={IN: uri(here + "in/")})
    assert job["FailureReason"].startswith("ClientError: Data download failed")
    assert "File name too long: a part of it has 304 bytes" in job["FailureReason"]
    assert str(cloud.state) not in job["FailureReason"]


def test_gzip_objects_arrive_unpacked(cloud: Cloud, here: str) -> None:
    source = {"S3Uri": cloud.put(here + "a.csv", gzip.compress(b"1,2\n")), "LocalPath": IN, "S3DataType": "S3Prefix"}
    more = {"S3InputMode": "File", "S3CompressionType": "Gzip"}
    inputs = [{"InputName": "packed", "S3Input": {**source, **more}}]
    cloud.process(COPY, raw_inputs=inputs, outputs={OUT: uri(here + "out")})
    assert cloud.get(here + "out/a.csv") == b"1,2\n"
    cloud.put(here + "a.csv", "plain text")
    job = cloud.process(COPY, raw_inputs=inputs)
    assert job["FailureReason"].endswith("a.csv is not gzip: Not a gzipped file (b'pl')")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_gzip_objects_that_unpack_to_more_than_the_limit(
    cloud: Cloud, here: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpacking, "ALWAYS_ALLOWED", 1 << 20)
    source = {"S3Uri": cloud.put(here + "zeros", gzip.compress(bytes(1 << 23))), "LocalPath": IN}
    more = {"S3DataType": "S3Prefix", "S3InputMode": "File", "S3CompressionType": "Gzip"}
    job = cloud.process(COPY, raw_inputs=[{"InputName": "packed", "S3Input": {**source, **more}}])
    assert job["ProcessingJobStatus"] == "Failed"
    assert "zeros cannot be a file here: it unpacks to more than" in job["FailureReason"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_file_with_huge_holes_is_not_uploaded(cloud: Cloud, here: str) -> None:
    script = f"open('{OUT}/sparse', 'w').truncate(1 << 40)"
    job = cloud.process(script, outputs={OUT: uri(here)})
    assert job["FailureReason"].startswith("ClientError: 'processing/output/sparse' has holes and cannot be uploaded")
    assert cloud.keys(here) == []


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_results_in_folders_of_any_depth_settle_the_job(cloud: Cloud, here: str) -> None:
    nest = "import os\nos.chdir('{}')\nfor _ in range(1100): os.mkdir('d'); os.chdir('d')"
    job = cloud.process(nest.format(OUT), outputs={OUT: uri(here)})
    assert "folders are nested more than 512 deep" in job["FailureReason"]
    elsewhere = cloud.process(nest.format("/opt/ml/processing"), outputs={OUT: uri(here)})
    assert elsewhere["ProcessingJobStatus"] == "Completed"
    assert not list((cloud.state / "jobs" / "processing-job").iterdir())


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("write", "why"),
    [
        ("for _ in range(5): os.mkdir('n' * 255); os.chdir('n' * 255)", "a key has at most 1024 bytes"),
        ("os.mkdir(b'\\xff'); os.chdir(b'\\xff')", "a key must be valid UTF-8"),
    ],
    ids=["long", "not UTF-8"],
)
def test_results_whose_names_can_be_no_keys(cloud: Cloud, here: str, write: str, why: str) -> None:
    script = f"import os\nos.chdir('{OUT}')\n{write}\nopen('x', 'w').close()"
    job = cloud.process(script, outputs={OUT: uri(here)})
    assert job["FailureReason"].startswith("ClientError: ")
    assert why in job["FailureReason"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_key_that_climbs_out_is_not_written_anywhere(cloud: Cloud, here: str) -> None:
    cloud.put(f"{here}in/../../../../escaped", "from a key")
    job = cloud.process(COPY, inputs={IN: uri(here + "in/")})
    assert job["ProcessingJobStatus"] == "Failed"
    assert "'..'" in job["FailureReason"]
    assert not list(cloud.state.parent.rglob("escaped"))


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_keys_that_no_file_system_can_hold_together(cloud: Cloud, here: str) -> None:
    cloud.put(f"{here}in/a", "a file")
    cloud.put(f"{here}in/a/b", "below that file")
    job = cloud.process(COPY, inputs={IN: uri(here + "in/")})
    assert job["FailureReason"].startswith("ClientError: Data download failed for 'in-0'")
    assert str(cloud.state) not in job["FailureReason"]


def test_arguments_environment_and_configuration_reach_the_program(cloud: Cloud, here: str) -> None:
    script = f"""
import json, os, sys
job = json.load(open("/opt/ml/config/processingjobconfig.json"))
seen = {{"argv": sys.argv[1:], "mode": os.environ["MODE"], "job": job}}
json.dump(seen, open("{OUT}/seen.json", "w"))
"""
    job = cloud.process(
        script, arguments=["--a", "$HOME", "two words"], Environment={"MODE": "x=y"}, outputs={OUT: uri(here)}
    )
    assert job["ProcessingJobStatus"] == "Completed", job
    seen = cloud.json(here + "seen.json")
    assert seen["argv"] == ["--a", "$HOME", "two words"]
    assert seen["mode"] == "x=y"
    assert seen["job"]["ProcessingJobArn"] == job["ProcessingJobArn"]
    assert seen["job"]["AppSpecification"]["ContainerArguments"] == ["--a", "$HOME", "two words"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_entrypoint_that_is_no_python(cloud: Cloud, here: str) -> None:
    words = ["/bin/sh", "-c", f'echo "$0 $1" > {OUT}/words; echo out; echo err >&2']
    job = cloud.process(entrypoint=words, arguments=["one", "two"], outputs={OUT: uri(here)})
    assert cloud.get(here + "words") == b"one two\n"
    assert cloud.log(job["ProcessingJobName"]) == ["out", "err"]


def test_an_entrypoint_that_does_not_exist(cloud: Cloud) -> None:
    job = cloud.process(entrypoint=["no-such-program"])
    assert job["ProcessingJobStatus"] == "Failed"
    assert "no-such-program" in job["FailureReason"]


@pytest.mark.parametrize(
    ("message", "code", "status", "exit_message", "reason"),
    [
        ("b'all good'", 0, "Completed", "all good", None),
        ("b'what went wrong'", 3, "Failed", "what went wrong", "AlgorithmError: what went wrong, exit code: 3"),
        ("b''", 1, "Failed", None, "AlgorithmError: , exit code: 1"),
        ("b'x' * 2000", 0, "Completed", "x" * 1024, None),
        ("('x' * 1023 + 'é').encode()", 0, "Completed", "x" * 1023, None),
    ],
)
def test_exit_message(
    cloud: Cloud, message: str, code: int, status: str, exit_message: str | None, reason: str | None
) -> None:
    job = cloud.process(f"open('/opt/ml/output/message', 'wb').write({message})\nraise SystemExit({code})")
    assert (job["ProcessingJobStatus"], job.get("ExitMessage"), job.get("FailureReason")) == (
        status,
        exit_message,
        reason,
    )


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_an_exit_message_that_is_not_utf8_fails_the_job(cloud: Cloud) -> None:
    job = cloud.process("open('/opt/ml/output/message', 'wb').write(b'\\xff\\xfe')")
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: output/message is not valid UTF-8")
    assert "ExitMessage" not in job


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_links_lead_nowhere(cloud: Cloud, here: str) -> None:
    """What the job may not see, it must not see by having the emulator read a link."""
    secret = cloud.state / "secret"
    secret.write_text("of the host")
    script = f"""
import os
os.symlink("{secret}", "/opt/ml/output/message")
os.symlink("{secret}", "{OUT}/link")
os.symlink("{secret.parent}", "{OUT}/folder")
os.rename("{OUT}-2", "/opt/ml/moved")
os.symlink("{secret.parent}", "{OUT}-2")
open("{OUT}/file", "w").close()
"""
    job = cloud.process(script, outputs={OUT: uri(here + "one"), OUT + "-2": uri(here + "two")})
    assert (job["ProcessingJobStatus"], job.get("ExitMessage")) == ("Completed", None)
    assert cloud.keys(here) == ["one/file"]


def test_results_of_a_failed_program_are_uploaded(cloud: Cloud, here: str) -> None:
    cloud.process(f"open('{OUT}/partial', 'w').close()\nraise SystemExit(1)", outputs={OUT: uri(here)})
    assert cloud.keys(here) == ["partial"]


def test_an_output_bucket_that_does_not_exist(cloud: Cloud) -> None:
    job = cloud.process(f"open('{OUT}/x', 'w').close()", outputs={OUT: "s3://no-such-bucket/x"})
    assert job["FailureReason"] == "ClientError: The specified bucket does not exist: no-such-bucket"


def test_continuous_output_is_there_while_the_program_runs(cloud: Cloud, here: str) -> None:
    script = f"""
import os, signal, threading
done = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: done.set())
open("{OUT}/first", "w").write("1")
done.wait(40)
open("{OUT}/last", "w").write("2")
"""
    target = {"S3Uri": uri(here), "LocalPath": OUT, "S3UploadMode": "Continuous"}
    name = cloud.start_processing(script, raw_outputs=[{"OutputName": "live", "S3Output": target}])
    eventually(lambda: cloud.keys(here) == ["first"])
    assert cloud.sagemaker.describe_processing_job(ProcessingJobName=name)["ProcessingJobStatus"] == "InProgress"
    cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert cloud.processed(name)["ProcessingJobStatus"] == "Stopped"
    assert cloud.keys(here) == ["first", "last"]


POLITE = """
import signal, threading
done = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: done.set())
print("ready")
done.wait(40)
print("goodbye")
open("/opt/ml/output/message", "w").write("stopped politely")
"""
STUBBORN = """
import signal, threading
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("ready")
threading.Event().wait(40)
"""


def test_stop_is_polite(cloud: Cloud) -> None:
    name = cloud.start_processing(POLITE)
    cloud.says(name, "ready")
    cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    job = cloud.processed(name)
    assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Stopped", "stopped politely")
    assert cloud.log(name) == ["ready", "goodbye"]
    with pytest.raises(ClientError) as refused:
        cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    assert refused.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "The request was rejected because the processing job is in status Stopped",
    }


def test_stop_becomes_firm(cloud: Cloud) -> None:
    name = cloud.start_processing(STUBBORN)
    cloud.says(name, "ready")
    cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    job = cloud.processed(name)
    assert job["ProcessingJobStatus"] == "Stopped"
    assert 1.5 < (job["ProcessingEndTime"] - job["ProcessingStartTime"]).total_seconds() < 20


def test_time_limit(cloud: Cloud) -> None:
    job = cloud.process(POLITE, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert job["ProcessingJobStatus"] == "Stopped"
    assert "MaxRuntimeInSeconds (1)" in job["FailureReason"]
    assert cloud.log(job["ProcessingJobName"]) == ["ready", "goodbye"]


REACH = f"""
import os, urllib.request, urllib.error
try:
    answer = urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_harness/health", timeout=5).status
except urllib.error.HTTPError as refusal:
    answer = refusal.code
except OSError as error:
    answer = "unreachable"
open("{OUT}/answer", "w").write(str(answer))
"""


@pytest.mark.parametrize(("isolated", "answer"), [(False, b"403"), (True, b"unreachable")])
def test_network_isolation(cloud: Cloud, here: str, isolated: bool, answer: bytes) -> None:
    job = cloud.process(REACH, outputs={OUT: uri(here)}, NetworkConfig={"EnableNetworkIsolation": isolated})
    assert job["ProcessingJobStatus"] == "Completed", job
    assert cloud.get(here + "answer") == answer


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_several_jobs_at_once_do_not_see_each_other(cloud: Cloud, here: str) -> None:
    script = f"""
import os, pathlib, signal, threading
own = os.environ["PROCESSING_JOB_NAME"]
pathlib.Path("{OUT}", own).touch()
pathlib.Path("/tmp", own).touch()
done = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: done.set())
print("ready")
done.wait(40)
pathlib.Path("{OUT}/seen").write_text(" ".join(sorted(os.listdir("{OUT}") + os.listdir("/tmp"))))
"""
    names = [cloud.start_processing(script, outputs={OUT: uri(f"{here}{number}")}) for number in range(4)]
    for name in names:
        cloud.says(name, "ready")
    for name in names:
        cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    with ThreadPoolExecutor(4) as pool:
        assert [job["ProcessingJobStatus"] for job in pool.map(cloud.processed, names)] == ["Stopped"] * 4
    for number, name in enumerate(names):
        assert set(cloud.get(f"{here}{number}/seen").decode().split()) & set(names) == {name}


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_nothing_is_left_behind(cloud: Cloud) -> None:
    name = cloud.start_processing(POLITE)
    cloud.says(name, "ready")
    assert list((cloud.state / "jobs").rglob("ml"))
    cloud.sagemaker.stop_processing_job(ProcessingJobName=name)
    cloud.processed(name)
    assert not [path for path in (cloud.state / "jobs").rglob("*") if name in path.name]


def test_describe_answers_everything(cloud: Cloud, here: str) -> None:
    request = cloud.processing_request(
        "pass",
        outputs={OUT: uri(here)},
        Environment={"A": "1"},
        NetworkConfig={"EnableNetworkIsolation": False},
        StoppingCondition={"MaxRuntimeInSeconds": 77},
    )
    cloud.sagemaker.create_processing_job(**request)
    job = cloud.processed(request["ProcessingJobName"])
    for member in ("ProcessingInputs", "AppSpecification", "Environment", "RoleArn", "ProcessingResources"):
        assert job[member] == request[member], member
    assert job["ProcessingOutputConfig"]["Outputs"] == request["ProcessingOutputConfig"]["Outputs"]
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 77}
    times = [job[time] for time in ("CreationTime", "ProcessingStartTime", "ProcessingEndTime", "LastModifiedTime")]
    assert times == sorted(times)


def test_a_default_time_limit_is_described(cloud: Cloud) -> None:
    assert cloud.process("pass")["StoppingCondition"] == {"MaxRuntimeInSeconds": 86400}


def test_cloudwatch_lines_of_a_container_are_published(cloud: Cloud) -> None:
    line: dict[str, Any] = {
        "MetricName": "feature_data_x",
        "Timestamp": "2026-03-04T05:06:00Z",
        "Dimensions": [{"Name": "Endpoint", "Value": "e"}, {"Name": "MonitoringSchedule", "Value": "s"}],
        "StatisticValues": {"SampleCount": 4, "Sum": 10, "Minimum": 1, "Maximum": 4},
    }
    text = json.dumps(line) + "\nnot a line\n" + json.dumps({"MetricName": "no time"}) + "\n"
    cloud.process(f"open('/opt/ml/output/metrics/cloudwatch/cloudwatch_metrics.jsonl', 'w').write({text!r})")
    found = cloud.cloudwatch.get_metric_statistics(
        Namespace="aws/sagemaker/Endpoints/data-metrics",
        MetricName="feature_data_x",
        Dimensions=line["Dimensions"],
        StartTime="2026-03-04T05:00:00Z",
        EndTime="2026-03-04T06:00:00Z",
        Period=3600,
        Statistics=["Sum", "Maximum"],
    )["Datapoints"]
    assert [(point["Sum"], point["Maximum"]) for point in found] == [(10.0, 4.0)]


def test_code_below_the_data_as_in_the_guides_example(cloud: Cloud, here: str) -> None:
    cloud.put(here + "in/a.csv", "1\n")
    job = cloud.process(
        f"import os; print(sorted(os.listdir('{CODE[: -len('/code')]}')))",
        inputs={"/opt/ml/processing/input": uri(here + "in/")},
    )
    assert cloud.log(job["ProcessingJobName"]) == ["['a.csv', 'code']"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_the_programs_own_aws_calls_reach_the_emulator(cloud: Cloud, here: str) -> None:
    """With the SDK in the program and nothing set by it: region, credentials and address are those of the job."""
    cloud.put(here + "asked", "for by the program")
    script = f"""
import boto3
body = boto3.client("s3").get_object(Bucket="{BUCKET}", Key="{here}asked")["Body"].read()
print(body.decode(), boto3.client("sts").get_caller_identity()["Account"])
"""
    job = cloud.process(script)
    assert cloud.log(job["ProcessingJobName"]) == ["for by the program 123456789012"]
