"""Training jobs of programs of one's own, through boto3: what goes in, what comes out, the ways to end."""

from __future__ import annotations

import io
import itertools
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import BUCKET, Cloud, eventually

pytestmark = pytest.mark.provenance("documented", source="Developer guide: Use your own training algorithms")


def members(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
        found = {member.name: tar.extractfile(member) for member in tar.getmembers()}
        return {name: stream.read() if stream else b"" for name, stream in found.items()}


WRITES = """
import os, pathlib
pathlib.Path("/opt/ml/model/deep").mkdir()
pathlib.Path("/opt/ml/model/deep/model.bin").write_text("weights")
pathlib.Path("/opt/ml/output/data/report.txt").write_text("report")
os.symlink("/etc/hostname", "/opt/ml/model/link")
"""


def test_artefacts_are_packed_without_a_leading_folder(cloud: Cloud) -> None:
    job = cloud.train(script=WRITES)
    name = job["TrainingJobName"]
    base = f"s3://{BUCKET}/{name}/{name}/output/"
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": base + "model.tar.gz"}
    assert members(cloud.get(base + "model.tar.gz")) == {"deep/model.bin": b"weights"}
    assert members(cloud.get(base + "output.tar.gz")) == {"report.txt": b"report"}


def test_artefacts_as_they_are_with_compression_none(cloud: Cloud) -> None:
    job = cloud.train(script=WRITES, output={"CompressionType": "NONE"})
    name = job["TrainingJobName"]
    assert job["ModelArtifacts"] == {"S3ModelArtifacts": f"s3://{BUCKET}/{name}/{name}/output/model/"}
    assert cloud.keys(f"{name}/{name}/output/") == ["model/deep/model.bin", "output/report.txt"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_program_that_leaves_nothing_makes_no_objects(cloud: Cloud) -> None:
    name = cloud.train(script="pass")["TrainingJobName"]
    assert cloud.keys(f"{name}/{name}/") == []


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_describe_is_complete_at_the_end(cloud: Cloud) -> None:
    request = cloud.training_request(
        script="pass",
        HyperParameters={"a": "1", "b": '"x"'},
        Environment={"E": "1"},
        algorithm={"MetricDefinitions": [{"Name": "m", "Regex": "m=(.*)"}]},
    )
    cloud.sagemaker.create_training_job(**request)
    job = cloud.trained(request["TrainingJobName"])
    for member in (
        "HyperParameters",
        "ResourceConfig",
        "StoppingCondition",
        "RoleArn",
        "Environment",
    ):
        assert job[member] == request[member], member
    assert job["AlgorithmSpecification"] == {
        **request["AlgorithmSpecification"],
        "EnableSageMakerMetricsTimeSeries": True,
    }
    defaults = {"CompressionType": "None", "RecordWrapperType": "None"}
    assert job["InputDataConfig"] == [{**defaults, **channel} for channel in request["InputDataConfig"]]
    assert job["OutputDataConfig"] == {**request["OutputDataConfig"], "KmsKeyId": "", "CompressionType": "GZIP"}
    assert job["ProfilingStatus"] == "Disabled"
    for member in ("EnableNetworkIsolation", "EnableInterContainerTrafficEncryption", "EnableManagedSpotTraining"):
        assert job[member] is False
    times = [job[f"{time}Time"] for time in ("Creation", "TrainingStart", "TrainingEnd", "LastModified")]
    assert times == sorted(times)
    assert job["TrainingTimeInSeconds"] == job["BillableTimeInSeconds"] >= 1


def transitions(job: dict[str, Any]) -> list[tuple[str, str]]:
    """Status and message of each, after a check of their times."""
    found = job["SecondaryStatusTransitions"]
    for one, other in itertools.pairwise(found):
        assert one["StartTime"] <= one["EndTime"] == other["StartTime"]
    assert found[-1]["StartTime"] == found[-1]["EndTime"] == job["TrainingEndTime"]
    assert found[1]["StartTime"] == job["TrainingStartTime"]
    assert job["SecondaryStatus"] == found[-1]["Status"]
    return [(item["Status"], item["StatusMessage"]) for item in found]


BEGINNING = [
    ("Starting", "Preparing the instances for training"),
    ("Downloading", "Downloading input data"),
    ("Training", "Training image download completed. Training in progress."),
]
UPLOADING = ("Uploading", "Uploading generated training model")


def test_transitions_of_a_job_that_completes(cloud: Cloud) -> None:
    job = cloud.train(script="pass")
    assert transitions(job) == [*BEGINNING, UPLOADING, ("Completed", "Training job completed")]


def test_a_failure_file_is_the_reason_and_results_are_uploaded(cloud: Cloud) -> None:
    script = WRITES + "open('/opt/ml/output/failure', 'w').write('it broke\\n')\nraise SystemExit(1)"
    job = cloud.train(script=script)
    name = job["TrainingJobName"]
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: it broke, exit code: 1"
    assert "S3ModelArtifacts" not in job.get("ModelArtifacts", {})
    assert transitions(job) == [*BEGINNING, UPLOADING, ("Failed", "Training job failed")]
    assert cloud.keys(f"{name}/{name}/output/") == ["model.tar.gz", "output.tar.gz"]


def test_a_long_failure_file_is_cut(cloud: Cloud) -> None:
    job = cloud.train(script="open('/opt/ml/output/failure', 'w').write('é' * 5000)\nraise SystemExit(2)")
    assert job["FailureReason"].startswith("AlgorithmError: ééé")
    assert job["FailureReason"].endswith(", exit code: 2")
    assert len(job["FailureReason"]) <= 1024


def test_without_a_failure_file(cloud: Cloud) -> None:
    assert cloud.train(script="raise SystemExit(9)")["FailureReason"] == "AlgorithmError: , exit code: 9"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_failure_file_that_is_a_link_is_not_read(cloud: Cloud) -> None:
    secret = cloud.state / "other-secret"
    secret.write_text("of the host")
    script = f"import os; os.symlink('{secret}', '/opt/ml/output/failure'); raise SystemExit(1)"
    assert cloud.train(script=script)["FailureReason"] == "AlgorithmError: , exit code: 1"


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_link_where_an_archive_could_be_written_changes_nothing_on_the_host(cloud: Cloud) -> None:
    """Not even where a program knows the host's paths: what is uploaded is packed outside of its folders."""
    kept = cloud.state / "kept"
    kept.write_text("of the host")
    script = f"import os; os.symlink('{kept}', '/opt/ml/.model.tar.gz'); open('/opt/ml/model/x', 'w').close()"
    assert cloud.train(script=script)["TrainingJobStatus"] == "Completed"
    assert kept.read_text() == "of the host"


SLOW = (
    WRITES
    + """
import signal, threading
done = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: done.set())
print("ready", flush=True)
done.wait(40)
"""
)


def test_the_time_limit_stops_the_job_and_keeps_its_artefacts(cloud: Cloud) -> None:
    job = cloud.train(script=SLOW, limit=1)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert "FailureReason" not in job
    assert members(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"deep/model.bin": b"weights"}
    assert [status for status, _ in transitions(job)][-2:] == ["Uploading", "MaxRuntimeExceeded"]


def test_stop_keeps_the_artefacts(cloud: Cloud) -> None:
    name = cloud.start_training(script=SLOW)
    cloud.says(name, "ready", "TrainingJobs")
    cloud.sagemaker.stop_training_job(TrainingJobName=name)
    job = cloud.trained(name)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    stopping = ("Stopping", "Stopping the training job")
    assert transitions(job) == [*BEGINNING, stopping, UPLOADING, ("Stopped", "Training job stopped")]
    assert members(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"])) == {"deep/model.bin": b"weights"}
    with pytest.raises(ClientError) as refused:
        cloud.sagemaker.stop_training_job(TrainingJobName=name)
    assert refused.value.response["Error"] == {
        "Code": "ValidationException",
        "Message": "The request was rejected because the training job is in status Stopped",
    }


def test_a_program_that_hangs_and_ignores_sigterm(cloud: Cloud) -> None:
    script = "import signal, threading; signal.signal(15, signal.SIG_IGN); threading.Event().wait(40)"
    job = cloud.train(script=script, limit=1)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert (job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds() < 20


METRICS = """
print("epoch 1 loss=0.5")
print("epoch 2 loss=0.03457 and\\tloss=9")
print("epoch 3 loss=none")
print("accuracy", 1e-3, flush=True)
"""


def test_metrics_of_the_log(cloud: Cloud) -> None:
    definitions = [
        {"Name": "loss", "Regex": r"loss=([0-9.]+|none)"},
        {"Name": "tail", "Regex": r".*#011loss=(\d+).*"},
        {"Name": "accuracy", "Regex": "accuracy (.*)"},
        {"Name": "never", "Regex": "never (.*)"},
    ]
    job = cloud.train(script=METRICS, algorithm={"MetricDefinitions": definitions})
    final = {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]}
    assert final == {"loss": 0.03457000106573105, "tail": 9.0, "accuracy": 0.0010000000474974513}
    points = cloud.cloudwatch.get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": job["TrainingJobName"]}],
        StartTime=job["TrainingStartTime"].replace(second=0),
        EndTime=job["TrainingEndTime"].replace(year=job["TrainingEndTime"].year + 1),
        Period=60,
        Statistics=["SampleCount", "Maximum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in points) == 2
    assert max(point["Maximum"] for point in points) == 0.5


def test_checkpoints_come_back_are_mirrored_and_removed(cloud: Cloud) -> None:
    prefix = cloud.name("checkpoints") + "/"
    cloud.put(prefix + "old", "from an earlier job")
    cloud.put(prefix + "sub/kept", "kept")
    script = """
import json, os, signal, threading
config = json.load(open("/opt/ml/input/config/checkpointconfig.json"))
done = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: done.set())
assert open("/opt/ml/checkpoints/old").read() == "from an earlier job"
open("/opt/ml/checkpoints/new", "w").write(json.dumps(config))
open("/opt/ml/checkpoints/half.sagemaker-ignore", "w").write("half")
print("ready", flush=True)
done.wait(40)
os.remove("/opt/ml/checkpoints/old")
"""
    name = cloud.start_training(script=script, CheckpointConfig={"S3Uri": f"s3://{BUCKET}/{prefix}"})
    eventually(lambda: cloud.keys(prefix) == ["new", "old", "sub/kept"])
    cloud.sagemaker.stop_training_job(TrainingJobName=name)
    assert cloud.trained(name)["TrainingJobStatus"] == "Stopped"
    assert cloud.keys(prefix) == ["new", "sub/kept"]
    assert cloud.json(prefix + "new") == {"S3Uri": f"s3://{BUCKET}/{prefix}", "LocalPath": "/opt/ml/checkpoints/"}


def test_entrypoint_and_arguments(cloud: Cloud) -> None:
    script = "import json, os, sys; json.dump([sys.argv[1:], os.environ['MODE']], open('/opt/ml/model/seen', 'w'))"
    job = cloud.train(script=script, algorithm={"ContainerArguments": ["--lr", "0.1"]}, Environment={"MODE": "fast"})
    seen = members(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"]))["seen"]
    assert json.loads(seen) == [["--lr", "0.1"], "fast"]


def test_a_network_of_its_own(cloud: Cloud) -> None:
    script = """
import os, urllib.error, urllib.request
try:
    urllib.request.urlopen(os.environ["AWS_ENDPOINT_URL"] + "/_harness/health", timeout=5)
except urllib.error.HTTPError as refusal:
    assert refusal.code == 403  # jobs may not use the admin interface
except OSError:
    raise SystemExit(44)
"""
    assert cloud.train(script=script)["TrainingJobStatus"] == "Completed"
    job = cloud.train(script=script, EnableNetworkIsolation=True)
    assert (job["FailureReason"], job["EnableNetworkIsolation"]) == ("AlgorithmError: , exit code: 44", True)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_log_of_200_megabytes(cloud: Cloud) -> None:
    """Bounded memory: most of it stays on disk, and the emulator goes on answering."""
    script = """
line = "x" * 1000 + "\\n"
block = line * 1000
for _ in range(200):
    print(block, end="")
print("the end")
"""
    before = resident()
    name = cloud.start_training(script=script)
    assert cloud.trained(name)["TrainingJobStatus"] == "Completed"
    assert resident() - before < 60 << 20
    group = "/aws/sagemaker/TrainingJobs"
    streams = cloud.logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{name}/")["logStreams"]
    last = cloud.logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"], limit=1)
    assert [event["message"] for event in last["events"]] == ["the end"]


def resident() -> int:
    """Bytes of this process, the emulator's too."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_long_line_does_not_hold_up_the_metrics(cloud: Cloud) -> None:
    """A regex that begins with ``.*`` tried at every place of such a line would take hours."""
    definitions = [{"Name": "loss", "Regex": ".*loss=([0-9.]+).*"}]
    script = "print('x' * 300_000)\nprint('a loss=3')"
    job = cloud.train(script=script, algorithm={"MetricDefinitions": definitions})
    assert [item["Value"] for item in job["FinalMetricDataList"]] == [3.0]


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-python-sdk")
def test_metrics_that_a_tracker_left_as_files(cloud: Cloud) -> None:
    """smexperiments writes them into the folder that the platform names."""
    script = """
import json, os, pathlib
folder = pathlib.Path(os.environ["SAGEMAKER_METRICS_DIRECTORY"])
lines = [{"MetricName": "depth", "Value": v, "Timestamp": 1.7e9 + v, "IterationNumber": v} for v in (1, 2)]
text = "\\n".join(map(json.dumps, lines)) + "\\n{\\"MetricName\\": \\"half"
(folder / "123.json").write_text(text)
"""
    job = cloud.train(script=script)
    assert [(item["MetricName"], item["Value"]) for item in job["FinalMetricDataList"]] == [("depth", 2.0)]
    name = f"{job['TrainingJobName']}-aws-training-job"
    component = cloud.sagemaker.describe_trial_component(TrialComponentName=name)
    assert [(item["MetricName"], item["Count"], item["Min"]) for item in component["Metrics"]] == [("depth", 2, 1.0)]
    query = {
        "MetricName": "depth",
        "ResourceArn": component["TrialComponentArn"],
        "MetricStat": "Last",
        "Period": "IterationNumber",
        "XAxisType": "IterationNumber",
    }
    [read] = cloud.client("sagemaker-metrics").batch_get_metrics(MetricQueries=[query])["MetricQueryResults"]
    assert (read["XAxisValues"], read["MetricValues"]) == ([1, 2], [1.0, 2.0])


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_a_hostile_metrics_file_costs_its_own_lines_only(cloud: Cloud) -> None:
    script = (
        "import os\n"
        "os.makedirs('/opt/ml/output/metrics/sagemaker', exist_ok=True)\n"
        'point = \'{"MetricName":"%s","Timestamp":%s,"Value":1,"IterationNumber":%s}\\n\'\n'
        "with open('/opt/ml/output/metrics/sagemaker/a.json', 'w') as file:\n"
        "    file.write('[' * 3000 + '\\n' + point % ('x', '1e300', '1') + point % ('x', '1e17', '1'))\n"
        "    file.write(point % ('x', '1796000000', '1e400') + point % ('good', '1796000000', '1'))\n"
    )
    ended = cloud.train(script=script)
    assert ended["TrainingJobStatus"] == "Completed", ended["FailureReason"]
    assert [metric["MetricName"] for metric in ended["FinalMetricDataList"]] == ["good"]
