"""A user's program on SageMaker SDK v2: trains twice and looks at what came of it. Prints JSON in its last line."""

import json
import os
import sys
import time
from pathlib import Path

import boto3
import sagemaker
from sagemaker.analytics import TrainingJobAnalytics
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

HERE = Path(__file__).parent
seconds, role = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None

session = sagemaker.Session()
bucket = session.default_bucket()
role = role or sagemaker.get_execution_role()
smclient = boto3.client("sagemaker")


def ended(estimator):
    job = smclient.describe_training_job(TrainingJobName=estimator.latest_training_job.name)
    return job["SecondaryStatusTransitions"][-1]["StartTime"].timestamp()


# The user's own program in an image of AWS's, with its output shown live.
code = session.upload_data(str(HERE / "ticks.py"), key_prefix="code")
own = Estimator(
    image_uri=sagemaker.image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2", instance_type="ml.m5.large"),
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    container_entry_point=["python3", "/opt/ml/input/data/code/ticks.py"],
    container_arguments=[seconds],
    base_job_name="ticks",
)
print("--- logs begin", flush=True)
own.fit({"code": code})
own_waited = time.time() - ended(own)
print("--- logs end", flush=True)

# The built-in algorithm.
lines = [f"{i % 2},{i % 2 + i % 7 / 10},{i % 5}" for i in range(400)]
Path("train.csv").write_text("\n".join(lines) + "\n")
data = TrainingInput(session.upload_data("train.csv", key_prefix="data"), content_type="text/csv")
builtin = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5"),
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    output_path=f"s3://{bucket}/models",
    hyperparameters={"num_round": 5, "objective": "binary:logistic", "eval_metric": "auc"},
    environment={"GREETING": "hello"},
    tags=[{"Key": "team", "Value": "risk"}],
)
builtin.fit({"train": data, "validation": data})
name = builtin.latest_training_job.name
curve = TrainingJobAnalytics(name, metric_names=["validation:auc"]).dataframe()
attached = Estimator.attach(name)

print()
print(
    json.dumps(
        {
            "bucket": bucket,
            "role": role,
            "shim": "harness-shim" in boto3.client("s3")._client_config.user_agent,
            "waited": own_waited,
            "auc": curve["value"].tolist(),
            "attached": [attached.model_data == builtin.model_data, attached.hyperparameters()["num_round"]],
            "model_data": builtin.model_data,
            "job": name,
            "pid": os.getpid(),
        }
    )
)
