"""A user's program on SageMaker SDK v2 with the framework classes: training scripts, their servers. Prints JSON."""

import json
from pathlib import Path

import boto3
import sagemaker
from sagemaker.deserializers import JSONDeserializer
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn import SKLearn, SKLearnModel
from sagemaker.xgboost import XGBoost

CODE = str(Path(__file__).parent / "script_mode")
session, role = sagemaker.Session(), sagemaker.get_execution_role()
runtime, sm, s3 = boto3.client("sagemaker-runtime"), boto3.client("sagemaker"), boto3.client("s3")
bucket = session.default_bucket()
table = "late,distance,weight\n" + "0,1.0,2.0\n1,9.0,1.0\n0,2.0,1.5\n1,8.0,3.0\n" * 5
s3.put_object(Bucket=bucket, Key="data/table.csv", Body=table.encode())
s3.put_object(Bucket=bucket, Key="rows/rows.csv", Body=b"1.0,2.0\n9.0,1.0\n")
where = {"role": role, "instance_type": "ml.m5.large", "instance_count": 1}

estimator = SKLearn(
    entry_point="classify.py",
    source_dir=CODE,
    framework_version="1.4-2",
    hyperparameters={"max-iter": 100, "note": "two words"},
    metric_definitions=[{"Name": "accuracy", "Regex": "accuracy: ([0-9.]+)"}],
    **where,
)
estimator.fit({"train": f"s3://{bucket}/data"})
job = sm.describe_training_job(TrainingJobName=estimator.latest_training_job.name)
predictor = estimator.deploy(initial_instance_count=1, instance_type="ml.m5.large")
endpoint = predictor.endpoint_name
predictor.serializer, predictor.deserializer = CSVSerializer(), JSONDeserializer()
answered = predictor.predict([[1.0, 2.0], [9.0, 1.0]])


def error_of(body, content_type):
    try:
        runtime.invoke_endpoint(EndpointName=endpoint, Body=body, ContentType=content_type)
    except runtime.exceptions.ModelError as error:
        return [error.response["OriginalStatusCode"], error.response["OriginalMessage"]]
    return None


errors = {"raised": error_of(b"[[-1, 1]]", "application/json"), "type": error_of(b"x", "image/png")}
predictor.delete_endpoint()
transformer = estimator.transformer(1, "ml.m5.large", assemble_with="Line", accept="text/csv")
transformer.transform(f"s3://{bucket}/rows", content_type="text/csv", split_type="Line")
key = transformer.output_path.removeprefix(f"s3://{bucket}/") + "/rows.csv.out"
batch = s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()


def reason_of(**changes):
    settings = {"entry_point": "classify.py", "source_dir": CODE, "framework_version": "1.4-2", **where, **changes}
    failing = SKLearn(**settings)
    try:
        failing.fit({"train": f"s3://{bucket}/data"})
    except sagemaker.exceptions.UnexpectedStatusException:
        pass
    told = sm.describe_training_job(TrainingJobName=failing.latest_training_job.name)
    return [told["TrainingJobStatus"], told["FailureReason"]]


failures = {
    "raises": reason_of(hyperparameters={"fail": "yes"}),
    "arguments": reason_of(hyperparameters={"max-iter": "many"}),
}
broken = SKLearnModel(
    model_data=estimator.model_data, entry_point="measure.py", source_dir=CODE, framework_version="1.4-2", role=role
)
try:
    broken.deploy(initial_instance_count=1, instance_type="ml.m5.large")
except sagemaker.exceptions.UnexpectedStatusException as error:
    failures["no model_fn"] = [error.actual_status, str(error)]

boosted = XGBoost(
    entry_point="boost.py", source_dir=CODE, framework_version="3.0-5", hyperparameters={"num_round": 5}, **where
)
boosted.fit({"train": f"s3://{bucket}/data"})
predictor = boosted.deploy(1, "ml.m5.large", serializer=CSVSerializer())
scores = predictor.predict([[1.0, 2.0], [9.0, 1.0]])
predictor.delete_endpoint()
print()
print(
    json.dumps(
        {
            "metrics": {each["MetricName"]: each["Value"] for each in job["FinalMetricDataList"]},
            "answered": answered,
            "batch": batch,
            "errors": errors,
            "failures": failures,
            "scores": scores,
        }
    )
)
