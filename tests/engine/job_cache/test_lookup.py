"""Jobs answered with what an equal job made before: when they are, what comes, and when they are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.kernel.job_files import JobFile
from harness.stores.result_cache import ResultCache
from tests.admin import ask_admin
from tests.cloud import BUCKET, Cloud, running_cloud
from tests.engine.jobs.test_training import members
from tests.hosting import Hosting, catalogued_server

pytestmark = pytest.mark.provenance("assumed", source="harness's own behaviour")


# Each run of it leaves something else, so what is equal was reused.
COUNTS = """
import os, sys, uuid
mark = uuid.uuid4().hex
print("loss=0.5;")
print("loss=0.25;")
print("mark", mark)
open("/opt/ml/model/mark", "w").write(mark)
"""
METRIC: dict[str, Any] = {"algorithm": {"MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*?);"}]}}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def cloud(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    from harness.kernel.cache import cache_folder

    environments = cache_folder("environments")
    with pytest.MonkeyPatch.context() as patch:
        (cache / "environments").symlink_to(environments)
        patch.setenv("HARNESS_CACHE", str(cache))
        with running_cloud(tmp_path_factory.mktemp("cloud") / ".harness", reuse=True) as made:
            yield made


def mark(cloud: Cloud, job: dict[str, Any]) -> bytes:
    return members(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"]))["mark"]


def reused_from(cloud: Cloud, arn: str) -> str:
    tags = {tag["Key"]: tag["Value"] for tag in cloud.sagemaker.list_tags(ResourceArn=arn)["Tags"]}
    return str(tags.get("harness:reused-from", ""))


def test_an_unchanged_training_job_is_answered_with_what_it_made_before(cloud: Cloud) -> None:
    first = cloud.train(script=COUNTS, **METRIC)
    second = cloud.train(script=COUNTS, **METRIC)
    assert mark(cloud, first) == mark(cloud, second)
    assert first["ModelArtifacts"] != second["ModelArtifacts"]
    assert second["TrainingJobStatus"] == "Completed"
    assert [item["Status"] for item in second["SecondaryStatusTransitions"]] == [
        "Starting", "Downloading", "Training", "Uploading", "Completed",
    ]  # fmt: skip
    (loss,) = second["FinalMetricDataList"]
    assert (loss["MetricName"], loss["Value"]) == ("loss", 0.25)
    told, *lines = cloud.log(second["TrainingJobName"], "TrainingJobs")
    assert told.startswith(f"harness: reused the result of {first['TrainingJobName']} of 20")
    assert lines == cloud.log(first["TrainingJobName"], "TrainingJobs")
    assert reused_from(cloud, second["TrainingJobArn"]) == first["TrainingJobName"]
    assert reused_from(cloud, first["TrainingJobArn"]) == ""
    listed = {job["name"]: job for job in ask_admin(cloud.address, cloud.state, "jobs")["jobs"]}
    assert listed[second["TrainingJobName"]]["reused_from"]["job"] == first["TrainingJobName"]


@pytest.mark.parametrize(
    "change",
    [
        {"HyperParameters": {"a": "2"}},
        {"Environment": {"E": "2"}},
        {"EnableNetworkIsolation": True},
        {"ResourceConfig": {"InstanceType": "ml.m5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1}},
        {"channels": {"data": "s3://the-bucket/reuse/b/"}},
        {"script": COUNTS + "#"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_the_program_sees_otherwise_is_another_job(cloud: Cloud, change: dict[str, Any]) -> None:
    cloud.put("reuse/a/one.csv", "1")
    cloud.put("reuse/b/one.csv", "2")
    usual: dict[str, Any] = {
        "channels": {"data": f"s3://{BUCKET}/reuse/a/"},
        "script": COUNTS,
        "HyperParameters": {"a": "1"},
        "Environment": {"E": "1"},
    }
    first = cloud.train(**usual)
    assert mark(cloud, cloud.train(**usual, limit=600)) == mark(cloud, first)
    assert mark(cloud, cloud.train(**{**usual, **change})) != mark(cloud, first)


def test_inputs_are_compared_by_their_bytes_not_their_places(cloud: Cloud) -> None:
    script = COUNTS + "# places"
    cloud.put("reuse/here/x.csv", "same")
    cloud.put("reuse/there/x.csv", "same")
    first = cloud.train({"data": f"s3://{BUCKET}/reuse/here/"}, script)
    assert mark(cloud, cloud.train({"data": f"s3://{BUCKET}/reuse/there/"}, script)) == mark(cloud, first)
    cloud.put("reuse/there/x.csv", "other")
    assert mark(cloud, cloud.train({"data": f"s3://{BUCKET}/reuse/there/"}, script)) != mark(cloud, first)


def test_archives_of_the_same_code_are_the_same_whenever_they_were_packed(cloud: Cloud) -> None:
    import gzip

    jobs = []
    for moment in (1, 2):
        cloud.put("reuse/packed/code.tar.gz", gzip.compress(b"code", mtime=moment))
        jobs.append(cloud.train({"data": f"s3://{BUCKET}/reuse/packed/"}, COUNTS + "# packed"))
    assert mark(cloud, jobs[0]) == mark(cloud, jobs[1])


PROCESSES = """
import json, os, uuid
open("/opt/ml/processing/out/deep.txt", "w").write(uuid.uuid4().hex)
open("/opt/ml/output/message", "w").write("all is well")
"""


def test_a_processing_job_keeps_its_outputs_and_its_message(cloud: Cloud) -> None:
    made = []
    for place in ("one", "two"):
        outputs = {"/opt/ml/processing/out": f"s3://{BUCKET}/reuse/processed/{place}"}
        job = cloud.process(PROCESSES, outputs=outputs, arguments=["--x", "1"])
        assert (job["ProcessingJobStatus"], job["ExitMessage"]) == ("Completed", "all is well")
        made.append(cloud.get(f"reuse/processed/{place}/deep.txt"))
    assert made[0] == made[1]
    other = cloud.process(PROCESSES, outputs=outputs, arguments=["--x", "2"])
    assert other["ProcessingJobStatus"] == "Completed"
    assert cloud.get("reuse/processed/two/deep.txt") != made[1]


def test_a_transform_job_keeps_the_answers_for_each_object(cloud: Cloud) -> None:
    with catalogued_server():
        hosting = Hosting(cloud)
        rows = {"a.csv": "1,2\n", "deep/b.csv": "3,4\n5,6\n"}
        for place in ("one", "two"):
            for name, text in rows.items():
                cloud.put(f"reuse/rows/{place}/{name}", text)
        model = hosting.model(ANSWER="sizes")
        jobs = [hosting.transform(model, f"s3://{BUCKET}/reuse/rows/{place}/") for place in ("one", "two")]
        cloud.put("reuse/rows/two/a.csv", "7,8,9\n")
        other = hosting.transform(model, f"s3://{BUCKET}/reuse/rows/two/")
        outputs = [hosting.outputs(job) for job in (*jobs, other)]
        hosting.close()
    assert outputs[0] == outputs[1] != outputs[2]
    assert sorted(outputs[1]) == ["a.csv.out", "deep/b.csv.out"]
    sources = [reused_from(cloud, job["TransformJobArn"]) for job in (*jobs, other)]
    assert sources == ["", jobs[0]["TransformJobName"], ""]
    told, *lines = cloud.log(jobs[1]["TransformJobName"], "TransformJobs")
    assert told.startswith("harness: reused the result of")
    assert sorted(lines) == sorted(cloud.log(jobs[0]["TransformJobName"], "TransformJobs"))


def test_failed_and_stopped_jobs_are_never_kept(cloud: Cloud) -> None:
    for script in ("raise SystemExit(3)", "import time\nprint('up', flush=True)\ntime.sleep(60)"):
        for _ in range(2):
            name = cloud.start_training(script=script)
            if "sleep" in script:
                cloud.says(name, "up", "TrainingJobs")
                cloud.sagemaker.stop_training_job(TrainingJobName=name)
            job = cloud.trained(name)
            assert job["TrainingJobStatus"] in ("Failed", "Stopped")
            assert reused_from(cloud, job["TrainingJobArn"]) == ""


def test_a_spoiled_result_is_noticed_and_the_job_runs(cloud: Cloud, cache: Path) -> None:
    script = COUNTS + "# spoiled"
    first = mark(cloud, cloud.train(script=script))
    (kept,) = [file for file in (cache / "reuse" / "files").glob("*/*") if file.read_bytes() == first]
    kept.write_bytes(b"x" * len(first))
    second = mark(cloud, cloud.train(script=script))
    assert second not in (first, b"x" * len(first))
    assert mark(cloud, cloud.train(script=script)) == second
    for entry in (cache / "reuse" / "entries").iterdir():
        entry.write_text("{}")
    assert mark(cloud, cloud.train(script=script)) != second


def test_an_interruption_asked_for_strikes_a_job_that_was_done_before(cloud: Cloud) -> None:
    script = "import time\nprint('up', flush=True)\ntime.sleep(0.5)"
    assert cloud.train(script=script)["TrainingJobStatus"] == "Completed"
    ask_admin(cloud.address, cloud.state, "faults", {"kind": "interrupt", "after": 0.1})
    assert cloud.train(script=script)["TrainingJobStatus"] == "Failed"


def test_a_result_that_cannot_be_kept_does_not_fail_its_job(cloud: Cloud, cache: Path) -> None:
    folder, hidden = cache / "reuse", cache / "hidden"
    folder.rename(hidden)
    folder.write_text("in the way")
    try:
        for _ in range(2):
            assert cloud.train(script=COUNTS + "# nowhere")["TrainingJobStatus"] == "Completed"
    finally:
        folder.unlink()
        hidden.rename(folder)


def test_without_being_asked_nothing_is_reused_or_kept(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(cache))
    script = COUNTS + "# unasked"
    with running_cloud(tmp_path / ".harness") as cloud:
        first, second = mark(cloud, cloud.train(script=script)), mark(cloud, cloud.train(script=script))
        assert first != second
        monkeypatch.setenv("AWS_SDK_UA_APP_ID", "harness-reuse")
        asking = Cloud(cloud.address, cloud.state)
        asking.name = cloud.name  # type: ignore[method-assign]
        third = mark(cloud, asking.train(script=script))
        assert third not in (first, second)
        assert mark(cloud, asking.train(script=script)) == third
        asking.close()


def test_what_was_not_used_for_longest_goes_first(tmp_path: Path) -> None:
    results = ResultCache(tmp_path / "results", limit=250)
    for number in range(4):
        file = tmp_path / "made"
        file.write_bytes(bytes([number]) * 100)
        results.put(f"key-{number}", {"job": "j"}, {"made": JobFile(tmp_path, "made", 100)}, [("", "said")])
        if found := results.find("key-0"):
            results.take_out("key-0", found, tmp_path / f"out-{number}")
    assert [bool(results.find(f"key-{number}")) for number in range(4)] == [True, False, False, True]
    assert len(list((tmp_path / "results" / "files").glob("*/*"))) == 2
