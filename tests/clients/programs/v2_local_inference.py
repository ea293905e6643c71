"""A user's program on SageMaker SDK v2's own local mode: processing, a batch transform and an endpoint. Prints JSON."""

import json
import sys
import time
from pathlib import Path
from urllib.parse import urlparse

import boto3
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.local import LocalSession
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn.processing import SKLearnProcessor

HERE = Path(__file__).parent
work = Path(sys.argv[1])
took = {}


class Timed:
    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.begun = time.time()

    def __exit__(self, *_):
        took[self.name] = time.time() - self.begun


session = LocalSession()
role = sagemaker.get_execution_role()
bucket = session.default_bucket()
s3 = boto3.client("s3")


def read(uri):
    where = urlparse(uri)
    return s3.get_object(Bucket=where.netloc, Key=where.path.lstrip("/"))["Body"].read().decode()


(work / "rows.csv").write_text("\n".join("%d,%f,%f" % (i % 2, i % 2 + i / 1000, i / 400) for i in range(400)) + "\n")
processor = SKLearnProcessor(
    framework_version="1.4-2", role=role, instance_type="local", instance_count=1, sagemaker_session=session
)
with Timed("processing"):
    processor.run(
        code=str(HERE / "split.py"),
        inputs=[ProcessingInput(source=str(work / "rows.csv"), destination="/opt/ml/processing/input")],
        outputs=[
            ProcessingOutput(output_name="train", source="/opt/ml/processing/train"),
            ProcessingOutput(output_name="features", source="/opt/ml/processing/features"),
        ],
        arguments=["0.5"],
    )
outputs = processor.latest_job.describe()["ProcessingOutputConfig"]["Outputs"]
uris = {output["OutputName"]: output["S3Output"]["S3Uri"] for output in outputs}

estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", "us-east-1", version="3.0-5", instance_type="ml.m5.large"),
    role=role,
    instance_count=1,
    instance_type="local",
    sagemaker_session=session,
    hyperparameters={"objective": "binary:logistic", "num_round": 5},
)
estimator.fit({"train": TrainingInput(uris["train"], content_type="text/csv")})

transformer = estimator.transformer(1, "local", output_path="s3://%s/batch" % bucket, strategy="MultiRecord")
with Timed("transform"):
    transformer.transform(uris["features"], content_type="text/csv", split_type="Line")
listed = s3.list_objects_v2(Bucket=bucket, Prefix="batch/")["Contents"]
batch = read("s3://%s/%s" % (bucket, listed[0]["Key"])).split()

with Timed("deploy"):
    predictor = estimator.deploy(1, "local", serializer=CSVSerializer())
with Timed("predict"):
    answers = predictor.predict([[0.1, 0.1], [1.1, 0.9]]).decode()
with Timed("delete"):
    predictor.delete_endpoint()

print()
print(json.dumps({"rows": len(batch), "batch": batch[:2], "answers": answers, "took": took}))
