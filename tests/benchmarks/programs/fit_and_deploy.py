"""The reference scenario's training job and endpoint as SDK v2 code: ``fit_and_deploy.py INSTANCE_TYPE DATA TIMES``.

With "local" as instance type it is the SDK's own local mode. Prints a line of JSON for each time: seconds from ``fit()``
to its return, and from ``deploy()`` to the first answer.
"""

import json
import sys
import time
from pathlib import Path

import boto3
from sagemaker import image_uris
from sagemaker.deserializers import StringDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.local import LocalSession
from sagemaker.s3 import S3Uploader
from sagemaker.serializers import CSVSerializer
from sagemaker.session import Session

ROLE = "arn:aws:iam::123456789012:role/HarnessExecutionRole"
BUCKET = "benchmarks-of-local-mode"
HYPERPARAMETERS = {"objective": "binary:logistic", "eval_metric": "auc", "num_round": 60, "max_depth": 5, "eta": 0.2}


def main(instance_type, data, times):
    boto = boto3.Session(region_name="us-east-1")
    boto.client("s3").create_bucket(Bucket=BUCKET)
    # A bucket named here is not asked for at STS, whose regional host is written into the SDK.
    session = (LocalSession if instance_type == "local" else Session)(boto, default_bucket=BUCKET)
    home = f"s3://{BUCKET}/bench"
    channels = {}
    for channel in ("train", "validation"):
        S3Uploader.upload(str(Path(data) / channel), f"{home}/{channel}", sagemaker_session=session)
        channels[channel] = TrainingInput(f"{home}/{channel}/", content_type="text/csv")
    row = (Path(data) / "train" / "train.csv").read_text().splitlines()[0].partition(",")[2]
    for _ in range(times):
        estimator = Estimator(
            image_uri=image_uris.retrieve("xgboost", "us-east-1", version="3.0-5"),
            role=ROLE,
            instance_count=1,
            instance_type=instance_type,
            output_path=f"{home}/models",
            hyperparameters=HYPERPARAMETERS,
            sagemaker_session=session,
        )
        begun = time.perf_counter()
        estimator.fit(channels)
        fitted = time.perf_counter() - begun
        begun = time.perf_counter()
        predictor = estimator.deploy(
            1, instance_type, serializer=CSVSerializer(), deserializer=StringDeserializer(accept="text/csv")
        )
        answer = predictor.predict(row)
        answered = time.perf_counter() - begun
        predictor.delete_endpoint()
        figures = {"fit": fitted, "deploy": answered, "answer": float(answer), "told": "figures"}
        print("\n" + json.dumps(figures), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
