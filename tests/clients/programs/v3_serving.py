"""A user's program on SageMaker SDK v3: a processor, the built-in algorithm, a transformer, a builder. Prints JSON."""

import json
import logging
import sys
import time
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
logging.basicConfig(level=logging.INFO, format="%(message)s")

import boto3  # noqa: E402
from sagemaker.core import image_uris  # noqa: E402
from sagemaker.core.helper.session_helper import Session, get_execution_role  # noqa: E402
from sagemaker.core.processing import ScriptProcessor  # noqa: E402
from sagemaker.core.resources import Model, ModelPackage, ModelPackageGroup, TrainingJob  # noqa: E402
from sagemaker.core.shapes import (  # noqa: E402
    AlgorithmSpecification,
    Channel,
    ContainerDefinition,
    DataSource,
    OutputDataConfig,
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
    ResourceConfig,
    S3DataSource,
    StoppingCondition,
)
from sagemaker.core.transformer import Transformer  # noqa: E402
from sagemaker.serve import ModelBuilder  # noqa: E402

seconds = sys.argv[1]
HERE = Path(__file__).parent
session = Session()
role = get_execution_role()
home = f"s3://{session.default_bucket()}/serving"
smclient = boto3.client("sagemaker")
waited = {}

Path("rows.csv").write_text("\n".join(f"{i % 2},{i % 2 + i % 7 / 10},{i % 5}" for i in range(400)) + "\n")
rows = session.upload_data("rows.csv", key_prefix="serving/rows")
sklearn = image_uris.retrieve("sklearn", session.boto_region_name, version="1.4-2", instance_type="ml.m5.large")
processor = ScriptProcessor(
    role=role, image_uri=sklearn, command=["python3"], instance_count=1, instance_type="ml.m5.large"
)
source = ProcessingS3Input(
    s3_uri=rows, local_path="/opt/ml/processing/input", s3_data_type="S3Prefix", s3_input_mode="File"
)
processor.run(
    code=str(HERE / "split.py"),
    inputs=[ProcessingInput(input_name="rows", s3_input=source)],
    outputs=[
        ProcessingOutput(
            output_name=part,
            s3_output=ProcessingS3Output(
                s3_uri=f"{home}/{part}", local_path=f"/opt/ml/processing/{part}", s3_upload_mode="EndOfJob"
            ),
        )
        for part in ("train", "features")
    ],
    arguments=[seconds],
)
now = time.time()
name = processor.latest_job.processing_job_name
found = smclient.describe_processing_job(ProcessingJobName=name)
waited["processing"] = now - found["ProcessingEndTime"].timestamp()

xgboost = image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5")
where = S3DataSource(s3_data_type="S3Prefix", s3_uri=f"{home}/train", s3_data_distribution_type="FullyReplicated")
job = TrainingJob.create(
    training_job_name="builtin",
    algorithm_specification=AlgorithmSpecification(training_image=xgboost, training_input_mode="File"),
    role_arn=role,
    hyper_parameters={"num_round": "5", "objective": "binary:logistic"},
    input_data_config=[
        Channel(channel_name="train", content_type="text/csv", data_source=DataSource(s3_data_source=where))
    ],
    output_data_config=OutputDataConfig(s3_output_path=f"{home}/models"),
    resource_config=ResourceConfig(instance_type="ml.m5.large", instance_count=1, volume_size_in_gb=1),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=60),
)
job.wait()
artifact = job.model_artifacts.s3_model_artifacts

container = ContainerDefinition(image=xgboost, model_data_url=artifact)
batch = Model.create(model_name="batch", primary_container=container, execution_role_arn=role)
transformer = Transformer("batch", 1, "ml.m5.large", assemble_with="Line", output_path=f"{home}/batch")
transformer.transform(f"{home}/features", content_type="text/csv", split_type="Line")
now = time.time()
found = smclient.describe_transform_job(TransformJobName=transformer.latest_transform_job.transform_job_name)
waited["transform"] = now - found["TransformEndTime"].timestamp()
batch.delete()

builder = ModelBuilder(image_uri=xgboost, s3_model_data_url=artifact, role_arn=role, instance_type="ml.m5.large")
builder.build(model_name="built")
endpoint = builder.deploy(endpoint_name="built", initial_instance_count=1, instance_type="ml.m5.large")
now = time.time()
found = smclient.describe_endpoint(EndpointName="built")
waited["deploy"] = now - found["LastModifiedTime"].timestamp()
answer = endpoint.invoke(body="0.1,1\n1.4,2", content_type="text/csv", accept="text/csv").body.read().decode()
endpoint.delete()
endpoint.wait_for_delete()

ModelPackageGroup.create(model_package_group_name="Built").wait_for_status("Completed")
builder.register(
    model_package_group_name="Built",
    content_types=["text/csv"],
    response_types=["text/csv"],
    inference_instances=["ml.m5.large"],
    transform_instances=["ml.m5.large"],
)
[package] = ModelPackage.get_all(model_package_group_name="Built")
pending = package.model_approval_status
package.update(model_approval_status="Approved")
packed = ContainerDefinition(model_package_name=package.model_package_arn)
registered = Model.create(model_name="registered", primary_container=packed, execution_role_arn=role)
transformer = Transformer("registered", 1, "ml.m5.large", assemble_with="Line", output_path=f"{home}/registered")
transformer.transform(f"{home}/features", content_type="text/csv", split_type="Line")
statuses = [pending, package.model_approval_status, transformer.latest_transform_job.refresh().transform_job_status]
registered.delete()

print()
print(json.dumps({"waited": waited, "status": found["EndpointStatus"], "answer": answer.split(), "registry": statuses}))
