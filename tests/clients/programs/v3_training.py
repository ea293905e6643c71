"""A user's program on SageMaker SDK v3: trains a script, serves the built-in algorithm's model. Prints JSON."""

import json
import logging
import sys
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
# Without it this generation of the SDK shows no log of a job.
logging.basicConfig(level=logging.INFO, format="%(message)s")

import boto3  # noqa: E402
from sagemaker.core import image_uris  # noqa: E402
from sagemaker.core.helper.session_helper import Session, get_execution_role  # noqa: E402
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TrainingJob  # noqa: E402
from sagemaker.core.shapes import (  # noqa: E402
    ContainerDefinition,
    DataCaptureConfig,
    OutputDataConfig,
    ProductionVariant,
)
from sagemaker.core.training.configs import Compute, InputData, SourceCode  # noqa: E402
from sagemaker.train import ModelTrainer  # noqa: E402

seconds, role = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
session = Session()
role = role or get_execution_role()
bucket = session.default_bucket()
smclient = boto3.client("sagemaker")
waited = {}

source = Path("source")
source.mkdir(exist_ok=True)
(source / "ticks.py").write_text((Path(__file__).parent / "ticks.py").read_text())
(source / "train.py").write_text(
    "import json, os, runpy, sys\n"
    "print('hyperparameters', os.environ['SM_HPS'], os.path.exists(os.environ['SM_CHANNEL_TRAIN'] + '/train.csv'))\n"
    "import csv, xgboost, numpy\n"
    "rows = numpy.array(list(csv.reader(open(os.environ['SM_CHANNEL_TRAIN'] + '/train.csv'))), dtype=float)\n"
    "model = xgboost.train({'objective': 'binary:logistic'}, xgboost.DMatrix(rows[:, 1:], rows[:, 0]), 5)\n"
    "model.save_model(os.environ['SM_MODEL_DIR'] + '/xgboost-model')\n"
    f"sys.argv = ['ticks.py', '{seconds}']\n"
    "runpy.run_path('ticks.py')\n"
)
data = Path("channel")
data.mkdir(exist_ok=True)
(data / "train.csv").write_text("\n".join(f"{i % 2},{i % 2 + i % 7 / 10},{i % 5}" for i in range(400)) + "\n")

image = image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5")
trainer = ModelTrainer(
    training_image=image,
    source_code=SourceCode(source_dir=str(source), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    hyperparameters={"depth": 3},
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/models"),
    base_job_name="v3",
    role=role,
)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=str(data))])
now = time.time()
job = trainer._latest_training_job
found = smclient.describe_training_job(TrainingJobName=job.training_job_name)
waited["train"] = now - found["SecondaryStatusTransitions"][-1]["StartTime"].timestamp()

again = TrainingJob.get(job.training_job_name)
listed = [item.training_job_name for item in TrainingJob.get_all(name_contains="v3")]

model = Model.create(
    model_name="v3",
    primary_container=ContainerDefinition(image=image, model_data_url=again.model_artifacts.s3_model_artifacts),
    execution_role_arn=role,
)
variant = ProductionVariant(
    variant_name="AllTraffic", model_name="v3", initial_instance_count=1, instance_type="ml.m5.large"
)
capture = DataCaptureConfig(
    enable_capture=True,
    initial_sampling_percentage=100,
    destination_s3_uri=f"s3://{bucket}/capture",
    capture_options=[{"capture_mode": "Input"}, {"capture_mode": "Output"}],
)
config = EndpointConfig.create(endpoint_config_name="v3", production_variants=[variant], data_capture_config=capture)
endpoint = Endpoint.create(endpoint_name="v3", endpoint_config_name="v3")
endpoint.wait_for_status("InService")
now = time.time()
waited["deploy"] = now - smclient.describe_endpoint(EndpointName="v3")["LastModifiedTime"].timestamp()
answer = endpoint.invoke(body="0.1,1\n1.4,2", content_type="text/csv", accept="text/csv").body.read().decode()

endpoint.delete()
started = time.time()
endpoint.wait_for_delete()
deleted = time.time() - started
config.delete()
model.delete()
print()
print(
    json.dumps(
        {
            "shim": "harness-shim" in smclient._client_config.user_agent,
            "role": role,
            "waited": waited,
            "deleted": deleted,
            "status": again.training_job_status,
            "listed": listed == [job.training_job_name],
            "answer": answer.split(),
            "left": [item.model_name for item in Model.get_all()],
        }
    )
)
