"""A user's program on SageMaker SDK v2: processing, batch transform and an endpoint. Prints JSON."""

import json
import sys
import time
from pathlib import Path

import boto3
import sagemaker
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn.processing import SKLearnProcessor

seconds, role = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None
HERE = Path(__file__).parent
session = sagemaker.Session()
role = role or sagemaker.get_execution_role()
smclient = boto3.client("sagemaker")
waited = {}

Path("rows.csv").write_text("\n".join(f"{i % 2},{i % 2 + i % 7 / 10},{i % 5}" for i in range(400)) + "\n")
rows = session.upload_data("rows.csv", key_prefix="rows")

processor = SKLearnProcessor(framework_version="1.4-2", role=role, instance_type="ml.m5.large", instance_count=1)
processor.run(
    code=str(HERE / "split.py"),
    inputs=[ProcessingInput(source=rows, destination="/opt/ml/processing/input")],
    outputs=[ProcessingOutput(output_name=part, source=f"/opt/ml/processing/{part}") for part in ("train", "features")],
    arguments=[seconds],
)
now = time.time()
job = processor.latest_job.describe()
waited["processing"] = now - job["ProcessingEndTime"].timestamp()
outputs = {out["OutputName"]: out["S3Output"]["S3Uri"] for out in job["ProcessingOutputConfig"]["Outputs"]}

estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5"),
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"num_round": 5, "objective": "binary:logistic"},
)
estimator.fit({"train": TrainingInput(outputs["train"], content_type="text/csv")}, logs=False)

transformer = estimator.transformer(1, "ml.m5.large", assemble_with="Line", accept="text/csv")
transformer.transform(outputs["features"], content_type="text/csv", split_type="Line")
now = time.time()
name = transformer.latest_transform_job.name
waited["transform"] = now - smclient.describe_transform_job(TransformJobName=name)["TransformEndTime"].timestamp()
batch = sagemaker.s3.S3Downloader.read_file(f"{transformer.output_path}/features.csv.out").split()

started = time.time()
predictor = estimator.deploy(1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer())
now = time.time()
deployed = smclient.describe_endpoint(EndpointName=predictor.endpoint_name)
waited["deploy"] = now - deployed["LastModifiedTime"].timestamp()
took = {"deploy": now - started}
answers = predictor.predict("0.1,1\n1.4,2")

predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large")
now = time.time()
updated = smclient.describe_endpoint(EndpointName=predictor.endpoint_name)
waited["update"] = now - updated["LastModifiedTime"].timestamp()

transformer.delete_model()
predictor.delete_model()
predictor.delete_endpoint()
started = time.time()
smclient.get_waiter("endpoint_deleted").wait(EndpointName=predictor.endpoint_name)
took["deleted"] = time.time() - started

print()
print(
    json.dumps(
        {
            "waited": waited,
            "took": took,
            "batch": batch[:4],
            "rows": len(batch),
            "answers": answers,
            "instances": [item["ProductionVariants"][0]["CurrentInstanceCount"] for item in (deployed, updated)],
            "left": [item["EndpointName"] for item in smclient.list_endpoints()["Endpoints"]]
            + [item["ModelName"] for item in smclient.list_models()["Models"]],
        }
    )
)
