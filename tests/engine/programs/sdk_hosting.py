"""An ordinary program on SDK v2: deploy, predict, update, capture, transform, monitor, delete. Prints what it saw.

Arguments: image of the model server, image of the analyzer, bucket, address of the emulator's clock, file with the token for it.
"""

from __future__ import annotations

import json
import sys
import urllib.request

import boto3
from sagemaker import Session
from sagemaker.model import Model
from sagemaker.model_monitor import CronExpressionGenerator, DataCaptureConfig, DefaultModelMonitor
from sagemaker.model_monitor.dataset_format import DatasetFormat
from sagemaker.predictor import Predictor
from sagemaker.serializers import CSVSerializer

ROLE = "arn:aws:iam::123456789012:role/Role"
image, analyzer, bucket, clock, token_file = sys.argv[1:]
session = Session(default_bucket=bucket)
client = boto3.client("sagemaker")
seen: dict[str, object] = {}


def advance(seconds: float) -> None:
    told = json.dumps({"seconds": seconds}).encode()
    with open(token_file) as file:
        headers = {"Authorization": "Bearer " + file.read()}
    request = urllib.request.Request(clock, data=told, headers=headers)
    urllib.request.urlopen(request, timeout=60).close()


def captured() -> list[str]:
    listed = boto3.client("s3").list_objects_v2(Bucket=bucket, Prefix="captured/").get("Contents", [])
    return [item["Key"] for item in listed]


# An endpoint that answers the number of cells of a row.
capture = DataCaptureConfig(True, 100, f"s3://{bucket}/captured", sagemaker_session=session)
model = Model(image_uri=image, role=ROLE, env={"ANSWER": "sizes"}, sagemaker_session=session, predictor_cls=Predictor)
predictor = model.deploy(1, "ml.m5.large", endpoint_name="sdk", serializer=CSVSerializer(), data_capture_config=capture)
seen["predicted"] = predictor.predict([1, 2, 3]).decode()

# The baseline, from a table whose prediction comes first.
monitor = DefaultModelMonitor(
    role=ROLE, instance_type="ml.m5.large", sagemaker_session=session, max_runtime_in_seconds=600
)
monitor.image_uri = analyzer
rows = "".join(f"3,{number % 10},{number % 4},{number % 7}\n" for number in range(300))
boto3.client("s3").put_object(Bucket=bucket, Key="known/table.csv", Body="size,a,b,c\n" + rows)
monitor.suggest_baseline(
    baseline_dataset=f"s3://{bucket}/known/table.csv",
    dataset_format=DatasetFormat.csv(header=True),
    output_s3_uri=f"s3://{bucket}/baseline",
    logs=False,
)
seen["columns"] = [item["name"] for item in monitor.baseline_statistics().body_dict["features"]]

# A schedule, and two executions of it.
monitor.create_monitoring_schedule(
    monitor_schedule_name="sdk",
    endpoint_input=predictor.endpoint_name,
    output_s3_uri=f"s3://{bucket}/reports",
    statistics=monitor.baseline_statistics(),
    constraints=monitor.suggested_constraints(),
    schedule_cron_expression=CronExpressionGenerator.hourly(),
)
for row in ([1, 2, 3], [4, 1, 5]):
    predictor.predict(row)
advance(3600)
predictor.predict([1, 2, 3, 4])
advance(3600)
executions = monitor.list_executions()
seen["executions"] = [
    item["MonitoringExecutionStatus"]
    for item in client.list_monitoring_executions(MonitoringScheduleName="sdk")["MonitoringExecutionSummaries"]
]
seen["jobs"] = len(executions)
violations = monitor.latest_monitoring_constraint_violations().body_dict["violations"]
seen["violations"] = sorted({item["constraint_check_type"] for item in violations})
seen["items"] = monitor.latest_monitoring_statistics().body_dict["dataset"]["item_count"]
seen["monitors"] = [item.monitoring_schedule_name for item in predictor.list_monitors()]
monitor.stop_monitoring_schedule()
monitor.start_monitoring_schedule()
monitor.delete_monitoring_schedule()
seen["schedules"] = client.list_monitoring_schedules()["MonitoringScheduleSummaries"]

# Updates: the SDK makes a new configuration of the old one each time.
before = len(captured())
predictor.update_data_capture_config(
    DataCaptureConfig(False, 100, f"s3://{bucket}/captured", sagemaker_session=session)
)
predictor.predict([1])
seen["capture"] = client.describe_endpoint(EndpointName="sdk")["DataCaptureConfig"]["CaptureStatus"]
predictor.update_endpoint(initial_instance_count=2, instance_type="ml.m5.large", model_name=model.name)
described = client.describe_endpoint(EndpointName="sdk")
seen["instances"] = described["ProductionVariants"][0]["CurrentInstanceCount"]
seen["again"] = predictor.predict([1, 2]).decode()
advance(1)
seen["captured_more"] = len(captured()) - before

# Batch transform of the same model.
boto3.client("s3").put_object(Bucket=bucket, Key="rows/t.csv", Body="1,2\n3,4,5\n")
transformer = model.transformer(
    1, "ml.m5.large", assemble_with="Line", accept="text/csv", output_path=f"s3://{bucket}/transformed"
)
transformer.transform(
    f"s3://{bucket}/rows", content_type="text/csv", split_type="Line", join_source="Input", logs=False
)
answer = boto3.client("s3").get_object(Bucket=bucket, Key="transformed/t.csv.out")
seen["transformed"] = answer["Body"].read().decode()

predictor.delete_endpoint()
predictor.delete_model()
seen["endpoints"] = [item["EndpointStatus"] for item in client.list_endpoints()["Endpoints"]]
seen["configs"] = len(client.list_endpoint_configs()["EndpointConfigs"])
print(json.dumps(seen))
