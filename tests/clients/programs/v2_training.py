"""A user's program on SageMaker SDK v2: his own program in an image of AWS's, its output shown live. Prints JSON."""

import json
import sys
import time
from pathlib import Path

import boto3
import sagemaker
from sagemaker.estimator import Estimator

HERE = Path(__file__).parent
seconds, role = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None

session = sagemaker.Session()
bucket = session.default_bucket()
role = role or sagemaker.get_execution_role()

code = session.upload_data(str(HERE / "ticks.py"), key_prefix="code")
own = Estimator(
    image_uri=sagemaker.image_uris.retrieve(
        "sklearn", session.boto_region_name, version="1.4-2", instance_type="ml.m5.large"
    ),
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    container_entry_point=["python3", "/opt/ml/input/data/code/ticks.py"],
    container_arguments=[seconds],
    base_job_name="ticks",
)
own.fit({"code": code})
now = time.time()
job = boto3.client("sagemaker").describe_training_job(TrainingJobName=own.latest_training_job.name)
waited = now - job["SecondaryStatusTransitions"][-1]["StartTime"].timestamp()

print()
print(
    json.dumps(
        {
            "bucket": bucket,
            "role": role,
            "shim": "harness-shim" in boto3.client("s3")._client_config.user_agent,
            "waited": waited,
        }
    )
)
