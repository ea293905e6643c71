"""A user's program on SageMaker SDK v3's own local session: a processor, a training job and an endpoint. Prints JSON."""

import json
import logging
import sys
import warnings
from pathlib import Path

warnings.simplefilter("ignore")
logging.basicConfig(level=logging.INFO, format="%(message)s")

import boto3  # noqa: E402
from sagemaker.core import image_uris  # noqa: E402
from sagemaker.core.helper.session_helper import get_execution_role  # noqa: E402
from sagemaker.core.local.local_session import LocalSession  # noqa: E402
from sagemaker.core.processing import ScriptProcessor  # noqa: E402
from sagemaker.core.shapes import (  # noqa: E402
    ProcessingInput,
    ProcessingOutput,
    ProcessingS3Input,
    ProcessingS3Output,
)

work = Path(sys.argv[1])
session = LocalSession()
role = get_execution_role()
bucket = session.default_bucket()
home = "s3://%s/v3-local" % bucket
s3 = boto3.client("s3")

(work / "fit.py").write_text(
    "import csv, numpy\n"
    "from sklearn.linear_model import LogisticRegression\n"
    "rows = numpy.array(list(csv.reader(open('/opt/ml/processing/input/rows.csv'))), dtype=float)\n"
    "model = LogisticRegression().fit(rows[:, 1:], rows[:, 0])\n"
    "open('/opt/ml/processing/facts/score.txt', 'w').write(str(model.score(rows[:, 1:], rows[:, 0])))\n"
)
(work / "rows.csv").write_text("\n".join("%d,%f,%d" % (i % 2, i % 2 + i % 7 / 10, i % 5) for i in range(400)) + "\n")
rows = session.upload_data(str(work / "rows.csv"), key_prefix="v3-local/rows")
processor = ScriptProcessor(
    role=role,
    image_uri=image_uris.retrieve("sklearn", "us-east-1", version="1.4-2", instance_type="ml.m5.large"),
    command=["python3"],
    instance_count=1,
    instance_type="local",
    sagemaker_session=session,
)
processor.run(
    code=str(work / "fit.py"),
    inputs=[
        ProcessingInput(
            input_name="rows",
            s3_input=ProcessingS3Input(
                s3_uri=rows, local_path="/opt/ml/processing/input", s3_data_type="S3Prefix", s3_input_mode="File"
            ),
        )
    ],
    outputs=[
        ProcessingOutput(
            output_name="facts",
            s3_output=ProcessingS3Output(
                s3_uri=home + "/facts", local_path="/opt/ml/processing/facts", s3_upload_mode="EndOfJob"
            ),
        )
    ],
)
score = float(s3.get_object(Bucket=bucket, Key="v3-local/facts/score.txt")["Body"].read())

client = session.sagemaker_client
image = image_uris.retrieve("xgboost", "us-east-1", version="3.0-5")
source = {"S3DataSource": {"S3Uri": rows, "S3DataType": "S3Prefix", "S3DataDistributionType": "FullyReplicated"}}
client.create_training_job(
    "local",
    AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"},
    InputDataConfig=[{"ChannelName": "train", "ContentType": "text/csv", "DataSource": source}],
    OutputDataConfig={"S3OutputPath": home + "/models"},
    ResourceConfig={"InstanceType": "local", "InstanceCount": 1, "VolumeSizeInGB": 1},
    HyperParameters={"objective": "binary:logistic", "num_round": "4"},
    Environment={},
)
model = client.describe_training_job("local")["ModelArtifacts"]["S3ModelArtifacts"]
client.create_model("local", PrimaryContainer={"Image": image, "ModelDataUrl": model, "Environment": {}})
variant = {"VariantName": "All", "ModelName": "local", "InitialInstanceCount": 1, "InstanceType": "local"}
client.create_endpoint_config("local", [variant])
client.create_endpoint("local", "local")
status = client.describe_endpoint("local")["EndpointStatus"]
answer = session.sagemaker_runtime_client.invoke_endpoint(
    Body="0.1,1\n1.4,2", EndpointName="local", ContentType="text/csv", Accept="text/csv"
)["Body"].read()
client.delete_endpoint("local")
print()
print(json.dumps({"score": score, "status": status, "answer": answer.decode().split()}))
