"""The built-in XGBoost as a training job through boto3: data, model, metrics, and the container's own words."""

from __future__ import annotations

import re
import struct
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from tests.cloud import BUCKET, XGBOOST, Cloud

pytestmark = pytest.mark.provenance("documented", source="source code: aws/sagemaker-xgboost-container")


PARAMETERS = {"num_round": "4", "objective": "binary:logistic", "eval_metric": "logloss,auc", "max_depth": "3"}


@pytest.fixture(scope="module")
def data() -> np.ndarray[Any, Any]:
    """Label first, four features."""
    random = np.random.default_rng(7)
    features = random.normal(size=(400, 4)).round(3)
    label = (features[:, 0] + random.normal(size=400) > 0).astype(int)
    return np.column_stack([label, features])


def csv(rows: np.ndarray[Any, Any]) -> str:
    return "\n".join(",".join([str(int(row[0])), *(str(cell) for cell in row[1:])]) for row in rows) + "\n"


def libsvm(rows: np.ndarray[Any, Any]) -> str:
    lines = [" ".join([str(int(row[0])), *(f"{i}:{cell}" for i, cell in enumerate(row[1:]))]) for row in rows]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def csv_channels(cloud: Cloud, data: np.ndarray[Any, Any]) -> dict[str, str]:
    cloud.put("builtin/train/part-1.csv", csv(data[:200]))
    cloud.put("builtin/train/part-2.csv", csv(data[200:300]))
    cloud.put("builtin/validation/v.csv", csv(data[300:]))
    return {"train": f"s3://{BUCKET}/builtin/train/", "validation": f"s3://{BUCKET}/builtin/validation"}


@pytest.fixture(scope="module")
def trained(cloud: Cloud, csv_channels: dict[str, str]) -> dict[str, Any]:
    """The Describe answer of a job that others look at."""
    return cloud.train(csv_channels, HyperParameters=PARAMETERS)


def booster(cloud: Cloud, job: dict[str, Any], folder: Path) -> xgboost.Booster:
    archive = folder / "model.tar.gz"
    archive.write_bytes(cloud.get(job["ModelArtifacts"]["S3ModelArtifacts"]))
    with tarfile.open(archive) as tar:
        assert tar.getnames() == ["xgboost-model"]
        member = tar.extractfile("xgboost-model")
        assert member is not None
        (folder / "xgboost-model").write_bytes(member.read())
    found = xgboost.Booster()
    found.load_model(folder / "xgboost-model")
    return found


def test_the_model_is_the_one_xgboost_makes(
    cloud: Cloud, trained: dict[str, Any], data: np.ndarray[Any, Any], tmp_path: Path
) -> None:
    assert trained["TrainingJobStatus"] == "Completed", trained
    matrix = xgboost.DMatrix(data[:300, 1:].astype(np.float32), label=data[:300, 0])
    expected = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 4)
    probe = xgboost.DMatrix(data[300:, 1:].astype(np.float32))
    np.testing.assert_allclose(booster(cloud, trained, tmp_path).predict(probe), expected.predict(probe), rtol=1e-5)


def lines_of(cloud: Cloud, job: dict[str, Any]) -> list[str]:
    return cloud.log(job["TrainingJobName"], "TrainingJobs")


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_metrics_of_lines_describe_and_cloudwatch_agree(cloud: Cloud, trained: dict[str, Any]) -> None:
    rounds = [line for line in lines_of(cloud, trained) if re.search(r"\[\d+\]#011", line)]
    assert len(rounds) == 4
    last = dict(re.findall(r"#011(\w+-\w+):([0-9.]+)", rounds[-1]))
    final = {item["MetricName"]: item["Value"] for item in trained["FinalMetricDataList"]}
    assert set(final) == {f"{data}:{metric}" for data in ("train", "validation") for metric in ("logloss", "auc")}
    for name, value in final.items():
        assert value == struct.unpack("f", struct.pack("f", float(last[name.replace(":", "-")])))[0], name
    point = cloud.cloudwatch.get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="validation:auc",
        Dimensions=[{"Name": "TrainingJobName", "Value": trained["TrainingJobName"]}],
        StartTime=trained["TrainingStartTime"].replace(second=0),
        EndTime=trained["TrainingEndTime"].replace(year=trained["TrainingEndTime"].year + 1),
        Period=60,
        Statistics=["SampleCount"],
    )["Datapoints"]
    assert sum(item["SampleCount"] for item in point) == 4


@pytest.mark.provenance("assumed", source="no named source: outputs of notebooks that are not named")
def test_the_service_describes_its_own_metric_definitions(trained: dict[str, Any]) -> None:
    definitions = trained["AlgorithmSpecification"]["MetricDefinitions"]
    assert {"train:rmse", "validation:auc"} <= {item["Name"] for item in definitions}
    assert all(set(item) == {"Name", "Regex"} for item in definitions)
    assert trained["AlgorithmSpecification"]["EnableSageMakerMetricsTimeSeries"] is True


def test_libsvm_gives_the_same_model(cloud: Cloud, data: np.ndarray[Any, Any], tmp_path: Path) -> None:
    request = cloud.training_request(
        {"train": cloud.put("builtin/svm/train.libsvm", libsvm(data[:300]))}, HyperParameters=PARAMETERS
    )
    request["InputDataConfig"][0]["ContentType"] = "text/libsvm"
    cloud.sagemaker.create_training_job(**request)
    job = cloud.trained(request["TrainingJobName"])
    assert job["TrainingJobStatus"] == "Completed", job
    matrix = xgboost.DMatrix(data[:300, 1:].astype(np.float32), label=data[:300, 0])
    expected = xgboost.train({"objective": "binary:logistic", "max_depth": 3}, matrix, 4)
    probe = xgboost.DMatrix(data[300:, 1:].astype(np.float32))
    np.testing.assert_allclose(booster(cloud, job, tmp_path).predict(probe), expected.predict(probe), rtol=1e-5)


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"num_round": "ten"}, "Hyperparameter num_round: "),
        ({"num_round": "2", "eta": "7"}, "Hyperparameter eta: "),
        ({"num_round": "2", "nonsense": "1"}, "Extraneous hyperparameter found: nonsense"),
        ({}, "Missing required hyperparameter: num_round"),
        ({"num_round": "2", "objective": "multi:softmax"}, "num_class"),
    ],
)
def test_wrong_hyperparameters_in_the_containers_own_words(
    cloud: Cloud, csv_channels: dict[str, str], parameters: dict[str, str], text: str
) -> None:
    job = cloud.train(csv_channels, HyperParameters=parameters)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: framework error: ")
    assert job["FailureReason"].endswith(", exit code: 1")
    assert text in job["FailureReason"]


def test_a_missing_train_channel(cloud: Cloud, csv_channels: dict[str, str]) -> None:
    job = cloud.train({"validation": csv_channels["validation"]}, HyperParameters=PARAMETERS)
    assert "Missing required channel: train" in job["FailureReason"]
    assert "Missing required channel: train" in cloud.train(HyperParameters=PARAMETERS)["FailureReason"]


@pytest.mark.provenance("assumed", source="harness's own behaviour")
@pytest.mark.parametrize(
    "text", ["label,a,b\n1,0.5,2\n0,1.5,1\n", "1,0.5,red\n0,1.5,blue\n"], ids=["header row", "text cells"]
)
def test_csv_that_holds_text(cloud: Cloud, text: str) -> None:
    job = cloud.train({"train": cloud.put(cloud.name("text") + ".csv", text)}, HyperParameters={"num_round": "2"})
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: framework error: ")
    assert any("ERROR" in line or "Error" in line for line in lines_of(cloud, job))


def test_an_empty_object_as_training_data(cloud: Cloud) -> None:
    job = cloud.train({"train": cloud.put("builtin/empty.csv", b"")}, HyperParameters=PARAMETERS)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("AlgorithmError: ")


@pytest.mark.provenance("assumed", source="harness's own behaviour")
def test_the_log_says_what_stands_in_for_the_image(cloud: Cloud, trained: dict[str, Any]) -> None:
    assert not any(line.startswith("[harness]") for line in lines_of(cloud, trained)), XGBOOST


@pytest.mark.provenance("documented", source="Developer guide: How Amazon SageMaker runs your training image")
def test_stop_of_a_long_training(cloud: Cloud, csv_channels: dict[str, str], tmp_path: Path) -> None:
    name = cloud.start_training(csv_channels, HyperParameters={**PARAMETERS, "num_round": "1000000"})
    cloud.says_like(name, r"\[20\]#011", "TrainingJobs")
    cloud.sagemaker.stop_training_job(TrainingJobName=name)
    assert cloud.trained(name)["TrainingJobStatus"] == "Stopped"


TO_PARQUET = """
import pandas, pathlib
for channel in ("train", "validation"):
    for file in pathlib.Path("/opt/ml/processing/in", channel).rglob("*.csv"):
        table = pandas.read_csv(file, header=None)
        table.columns = [f"column {number}" for number in table]
        table.to_parquet(f"/opt/ml/processing/{channel}/{file.stem}.parquet")
"""


def test_parquet_gives_the_numbers_of_csv(cloud: Cloud, csv_channels: dict[str, str], trained: dict[str, Any]) -> None:
    inputs = {f"/opt/ml/processing/in/{channel}": uri for channel, uri in csv_channels.items()}
    channels = {channel: f"s3://{BUCKET}/parquet/{channel}/" for channel in csv_channels}
    outputs = {f"/opt/ml/processing/{channel}": uri for channel, uri in channels.items()}
    made = cloud.process(TO_PARQUET, image=XGBOOST, inputs=inputs, outputs=outputs)
    assert made["ProcessingJobStatus"] == "Completed", cloud.log(made["ProcessingJobName"])
    request = cloud.training_request(channels, HyperParameters=PARAMETERS)
    for channel in request["InputDataConfig"]:
        channel["ContentType"] = "application/x-parquet"
    cloud.sagemaker.create_training_job(**request)
    ended = cloud.trained(request["TrainingJobName"])
    assert ended["TrainingJobStatus"] == "Completed", ended["FailureReason"]
    told = [{item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]} for job in (ended, trained)]
    assert told[0] == pytest.approx(told[1], rel=1e-3)
