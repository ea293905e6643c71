"""Jobs on several instances without Docker: names, shares of the data, logs, results, and hosts that fail."""

from __future__ import annotations

import io
import json
import tarfile
import time
from typing import Any

import numpy as np
import pytest
from botocore.exceptions import ClientError

from harness.runners.process.host import Host, Roots
from harness.runners.process.host_links import JobLinks
from tests.cloud import BUCKET, REGISTRY, Cloud

pytestmark = pytest.mark.provenance(
    "documented", source="developer guide: your-algorithms-training-algo-running-container"
)

MEETING = """
import json, os, socket, sys, time
config = json.load(open("/opt/ml/input/config/resourceconfig.json"))
here, hosts = config["current_host"], config["hosts"]
assert socket.gethostname() == here and (2, "eth0") in socket.if_nameindex(), socket.if_nameindex()
assert config["network_interface_name"] == "eth0"
listener = socket.create_server(("", 7777))  # each host has this port for itself
met = []
for host in hosts:
    while True:
        try:
            with socket.create_connection((host, 7777), 5) as peer:
                met.append(peer.getpeername()[0])
                break
        except OSError:
            time.sleep(0.05)
for _ in hosts:
    listener.accept()
print(here, "met", len(set(met)), "has", sorted(os.listdir("/opt/ml/input/data/train")))
open("/opt/ml/model/" + here, "w").write(here)
open("/opt/ml/model/same", "w").write(here)
import boto3
boto3.client("s3").put_object(Bucket="the-bucket", Key="met/" + here, Body=b"")
"""
FAILING = """
import json, sys, time
if json.load(open("/opt/ml/input/config/resourceconfig.json"))["current_host"] == "algo-2":
    open("/opt/ml/output/failure", "w").write("the second one")
    sys.exit(4)
try:
    time.sleep(60)
finally:
    open("/opt/ml/output/failure", "w").write("stopped")
"""
PROCESSING = """
import json
host = json.load(open("/opt/ml/config/resourceconfig.json"))["current_host"]
open("/opt/ml/processing/out/" + host, "w").write(host)
open("/opt/ml/output/message", "w").write(host + ";")
"""


def request_for(cloud: Cloud, count: int, **more: Any) -> dict[str, Any]:
    request = cloud.training_request(**more)
    request["ResourceConfig"]["InstanceCount"] = count
    request["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"
    return request


def run(cloud: Cloud, request: dict[str, Any]) -> dict[str, Any]:
    cloud.sagemaker.create_training_job(**request)
    return cloud.trained(request["TrainingJobName"])


def test_hosts_meet_and_share_the_data(cloud: Cloud) -> None:
    for number in range(4):
        cloud.put(f"shards/{number}.csv", "1,2\n")
    request = request_for(cloud, 3, channels={"train": f"s3://{BUCKET}/shards/"}, script=MEETING)
    ended = run(cloud, request)
    name = request["TrainingJobName"]
    assert ended["TrainingJobStatus"] == "Completed", cloud.log(name, "TrainingJobs")
    assert sorted(line for line in cloud.log(name, "TrainingJobs") if " met " in line) == [
        "algo-1 met 3 has ['0.csv', '3.csv']",
        "algo-2 met 3 has ['1.csv']",
        "algo-3 met 3 has ['2.csv']",
    ]
    streams = cloud.logs.describe_log_streams(logGroupName="/aws/sagemaker/TrainingJobs", logStreamNamePrefix=name)
    told = [stream["logStreamName"].rpartition("-")[0] for stream in streams["logStreams"]]
    assert told == [f"{name}/algo-{number}" for number in (1, 2, 3)]
    with tarfile.open(fileobj=io.BytesIO(cloud.get(ended["ModelArtifacts"]["S3ModelArtifacts"]))) as tar:
        assert sorted(tar.getnames()) == ["algo-1", "algo-2", "algo-3", "same"]
    assert cloud.keys("met/") == ["algo-1", "algo-2", "algo-3"]


def test_one_host_that_fails_fails_the_job(cloud: Cloud) -> None:
    cloud.put("shards/0.csv", "1,2\n")
    begun = time.monotonic()
    ended = run(cloud, request_for(cloud, 3, channels={"train": f"s3://{BUCKET}/shards/"}, script=FAILING))
    assert ended["FailureReason"] == "AlgorithmError: the second one, exit code: 4"
    assert time.monotonic() - begun < 30
    assert not list((cloud.state / "jobs" / "training-job").glob("*"))


GROUPS = """
import json, os
config = json.load(open("/opt/ml/input/config/resourceconfig.json"))
channels = json.load(open("/opt/ml/input/config/inputdataconfig.json"))
data = {name: sorted(os.listdir("/opt/ml/input/data/" + name)) for name in sorted(channels) if name != "code"}
print(config["current_host"], config["current_group_name"], config["current_instance_type"], data)
if config["current_host"] == "algo-1":
    print(json.dumps(config["instance_groups"]))
"""


def test_instance_groups_get_their_own_channels(cloud: Cloud) -> None:
    for number in range(4):
        cloud.put(f"groups/{number}.csv", "1,2\n")
    uri = f"s3://{BUCKET}/groups/"
    request = request_for(cloud, 1, channels={"all": uri, "some": uri}, script=GROUPS)
    some = request["InputDataConfig"][1]["DataSource"]["S3DataSource"]
    some.update(S3DataDistributionType="ShardedByS3Key", InstanceGroupNames=["workers"])
    request["ResourceConfig"] = {
        "VolumeSizeInGB": 1,
        "InstanceGroups": [
            {"InstanceGroupName": "head", "InstanceType": "ml.m5.xlarge", "InstanceCount": 1},
            {"InstanceGroupName": "workers", "InstanceType": "ml.m5.large", "InstanceCount": 2},
        ],
    }
    ended = run(cloud, request)
    lines = cloud.log(ended["TrainingJobName"], "TrainingJobs")
    assert ended["TrainingJobStatus"] == "Completed", lines
    assert lines[0] == "algo-1 head ml.m5.xlarge {'all': ['0.csv', '3.csv']}"
    assert json.loads(lines[1]) == [
        {"hosts": ["algo-1"], "instance_group_name": "head", "instance_type": "ml.m5.xlarge"},
        {"hosts": ["algo-2", "algo-3"], "instance_group_name": "workers", "instance_type": "ml.m5.large"},
    ]
    assert lines[2:] == [
        "algo-2 workers ml.m5.large {'all': ['1.csv'], 'some': ['0.csv', '2.csv']}",
        "algo-3 workers ml.m5.large {'all': ['2.csv'], 'some': ['1.csv', '3.csv']}",
    ]


def test_processing_on_two_instances(cloud: Cloud) -> None:
    cluster = {"ClusterConfig": {"InstanceCount": 2, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}}
    outputs = {"/opt/ml/processing/out": f"s3://{BUCKET}/from-two/"}
    ended = cloud.process(PROCESSING, outputs=outputs, ProcessingResources=cluster)
    assert ended["ProcessingJobStatus"] == "Completed", cloud.log(ended["ProcessingJobName"])
    assert ended["ExitMessage"] == "algo-1;algo-2;"
    assert cloud.keys("from-two/") == ["algo-1", "algo-2"]


@pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")
def test_xgboost_on_two_hosts_is_as_good_as_on_one(cloud: Cloud) -> None:
    random = np.random.default_rng(3)
    features = random.normal(size=(3000, 5))
    label = features[:, 0] + features[:, 1] * features[:, 2] + random.normal(size=3000) / 2 > 0
    rows = [",".join(f"{cell:.4g}" for cell in row) for row in np.column_stack([label, features])]
    for part in range(2):
        cloud.put(f"halves/train/{part}.csv", "\n".join(rows[part * 1000 : (part + 1) * 1000]))
    cloud.put("halves/validation/v.csv", "\n".join(rows[2000:]))
    channels = {name: f"s3://{BUCKET}/halves/{name}/" for name in ("train", "validation")}
    told = {"num_round": "10", "objective": "binary:logistic", "eval_metric": "auc", "max_depth": "4"}
    found = {}
    for count in (1, 2, 3):  # the third host gets no data, and leaves
        ended = run(cloud, request_for(cloud, count, channels=channels, HyperParameters=told))
        lines = cloud.log(ended["TrainingJobName"], "TrainingJobs")
        assert ended["TrainingJobStatus"] == "Completed", lines
        found[count] = {item["MetricName"]: item["Value"] for item in ended["FinalMetricDataList"]}
        assert sum(line.startswith("[9]#011") for line in lines) == 1  # the master prints
    assert found[2]["validation:auc"] == pytest.approx(found[1]["validation:auc"], rel=0.01)
    assert found[3] == found[2]
    assert any("Host algo-3 does not have data in ['train']" in line for line in lines)


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_what_cannot_have_several_instances_is_refused_by_name(cloud: Cloud) -> None:
    cloud.put("shards/0.csv", "1,2\n")
    old = request_for(
        cloud, 2, channels={"train": f"s3://{BUCKET}/shards/"}, image=f"{REGISTRY}/sagemaker-xgboost:0.90-2"
    )
    with pytest.raises(ClientError, match=r"XGBoost before 1\.0 trains on one instance"):
        cloud.sagemaker.create_training_job(**old)
    assert "needs a network namespace for each" in JobLinks().refusal(Host(Roots.PROOT, frozenset(), "no namespaces"))
