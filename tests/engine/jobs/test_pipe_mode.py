"""Channels in Pipe mode: FIFOs with epochs, unpacked, wrapped in RecordIO, shuffled, or by attributes of a manifest."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.cloud import BUCKET, Cloud

pytestmark = pytest.mark.provenance(
    "documented", source="API reference: Channel, S3DataSource; developer guide: cdf-training"
)

READING = """
import json, os, struct, time
data = "/opt/ml/input/data/"

def whole(name):
    with open(data + name, "rb") as fifo:
        return fifo.read()

def records(content):
    while content:
        magic, length = struct.unpack_from("<II", content)
        assert magic == 0xCED7230A
        yield content[8:8 + length].decode()
        content = content[8 + (length + 3) // 4 * 4:]

config = json.load(open("/opt/ml/input/config/inputdataconfig.json"))
print("modes", sorted({item["TrainingInputMode"] for item in config.values()}))
print("packed", [whole("packed_%d" % epoch) for epoch in range(2)])
with open(data + "wrapped_0", "rb") as fifo:
    fifo.read(4)  # and no more
print("wrapped", list(records(whole("wrapped_1"))))
epochs = [list(records(whole("listed_%d" % epoch))) for epoch in range(4)]
print("attributes", sorted(zip(epochs[0][::2], epochs[0][1::2])), len({tuple(epoch) for epoch in epochs}) > 1)
print("fifos", sorted(os.listdir(data)))
"""


def channel(name: str, uri: str, kind: str = "S3Prefix", **more: Any) -> dict[str, Any]:
    source = {"S3DataType": kind, "S3Uri": uri, "S3DataDistributionType": "FullyReplicated", **more.pop("source", {})}
    return {"ChannelName": name, "InputMode": "Pipe", "DataSource": {"S3DataSource": source}, **more}


def listed(cloud: Cloud, *lines: dict[str, Any], **more: Any) -> dict[str, Any]:
    manifest = cloud.put("pipe/list.manifest", "".join(json.dumps(line) + "\n" for line in lines))
    attributes = {"source": {"AttributeNames": ["label", "image-ref"]}}
    return channel("listed", manifest, "AugmentedManifestFile", RecordWrapperType="RecordIO", **attributes, **more)


def request_for(cloud: Cloud, *channels: dict[str, Any]) -> dict[str, Any]:
    request = cloud.training_request(script=READING)
    request["InputDataConfig"] += channels
    return request


def test_a_program_reads_its_channels_from_fifos(cloud: Cloud) -> None:
    for number in range(3):
        cloud.put(f"pipe/packed/{number}.gz", gzip.compress(f"{number}\n".encode()))
        cloud.put(f"pipe/images/{number}.png", f"image {number}")
    cloud.put("pipe/large/zeros", bytes(3 << 20))
    lines = [{"label": number, "image-ref": f"s3://{BUCKET}/pipe/images/{number}.png"} for number in range(3)]
    request = request_for(
        cloud,
        channel("packed", f"s3://{BUCKET}/pipe/packed/", CompressionType="Gzip"),
        channel("wrapped", f"s3://{BUCKET}/pipe/images", RecordWrapperType="RecordIO"),
        listed(cloud, *lines, ShuffleConfig={"Seed": 5}),
        channel("unread", f"s3://{BUCKET}/pipe/large/"),
    )
    cloud.sagemaker.create_training_job(**request)
    ended = cloud.trained(request["TrainingJobName"])
    said = cloud.log(ended["TrainingJobName"], "TrainingJobs")
    assert ended["TrainingJobStatus"] == "Completed", said
    # The FIFO of the next epoch is there as soon as one is opened.
    left = [f"{name}_{epoch}" for name, last in (("listed", 4), ("packed", 2)) for epoch in range(last + 1)]
    left += ["unread_0", "wrapped_0", "wrapped_1", "wrapped_2"]
    assert said == [
        "modes ['File', 'Pipe']",
        "packed [b'0\\n1\\n2\\n', b'0\\n1\\n2\\n']",
        "wrapped ['image 0', 'image 1', 'image 2']",
        "attributes [('0', 'image 0'), ('1', 'image 1'), ('2', 'image 2')] True",
        f"fifos {['code', *left]}",
    ]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"label": 1}, "line 1 has no attribute 'image-ref'"),
        ({"label": 1, "image-ref": "here"}, "'image-ref' is not the URI of an S3 object: 'here'"),
        ({"label": 1, "image-ref": f"s3://{BUCKET}/pipe/absent"}, "Data download failed for 'listed'"),
    ],
)
def test_data_that_cannot_be_had_fails_the_job(cloud: Cloud, content: dict[str, Any], reason: str) -> None:
    request = request_for(cloud, listed(cloud, content))
    script = "open('/opt/ml/input/data/listed_0').read()\nimport time\ntime.sleep(60)\n"
    cloud.put(f"{request['TrainingJobName']}/code/script.py", script)
    cloud.sagemaker.create_training_job(**request)
    ended = cloud.trained(request["TrainingJobName"])
    assert ended["FailureReason"].startswith("ClientError: ")
    assert reason in ended["FailureReason"]


def test_what_a_mode_does_not_allow_is_refused(cloud: Cloud) -> None:
    uri = cloud.put("pipe/folder-01/a", "1")
    prefix = uri.removesuffix("-01/a")
    for spoiled, text in [
        (channel("c", prefix, InputMode="FastFile"), "must be a folder or an object"),
        (channel("c", uri, "ManifestFile", InputMode="FastFile"), "FastFile mode needs S3DataType S3Prefix"),
        (channel("c", uri, "AugmentedManifestFile"), "needs AttributeNames"),
        (channel("c", uri, source={"AttributeNames": ["a"]}), "AttributeNames needs"),
    ]:
        with pytest.raises(ClientError, match=text):
            cloud.sagemaker.create_training_job(**request_for(cloud, spoiled))
