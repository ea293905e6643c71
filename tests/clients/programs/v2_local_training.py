"""A user's program on SageMaker SDK v2's own local mode: the built-in XGBoost on instance type local. Prints JSON."""

import csv
import json
import random
import sys
import tarfile
import time
from pathlib import Path
from urllib.parse import urlparse

import boto3
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.local import LocalSession

work = Path(sys.argv[1])
kind = sys.argv[2] if len(sys.argv) > 2 else "local"

random.seed(7)
with open(work / "train.csv", "w", newline="") as file:
    writer = csv.writer(file)
    for _ in range(400):
        x, y = random.random(), random.random()
        writer.writerow([int(x > y), x, y])

session = LocalSession()
bucket = session.default_bucket()
channel = session.upload_data(str(work / "train.csv"), key_prefix="table/train")
image = sagemaker.image_uris.retrieve("xgboost", "us-east-1", version="3.0-5", instance_type="ml.m5.large")
estimator = Estimator(
    image_uri=image,
    role=sagemaker.get_execution_role(),
    instance_count=1,
    instance_type=kind,
    sagemaker_session=session,
    output_path="s3://%s/models" % bucket,
    hyperparameters={"objective": "binary:logistic", "num_round": 10, "eval_metric": "auc"},
)
begun = time.time()
estimator.fit({"train": TrainingInput(channel, content_type="text/csv")})
took = time.time() - begun

where = urlparse(estimator.model_data)
boto3.client("s3").download_file(where.netloc, where.path.lstrip("/"), str(work / "model.tar.gz"))
with tarfile.open(work / "model.tar.gz") as archive:
    names = archive.getnames()
print()
print(
    json.dumps(
        {
            "status": session.sagemaker_client.describe_training_job(
                TrainingJobName=estimator.latest_training_job.name
            )["TrainingJobStatus"],
            "model": names,
            "took": took,
        }
    )
)
