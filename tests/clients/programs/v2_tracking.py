"""A user's program on SageMaker SDK v2: a run of an experiment with a job in it, and a monitor. Prints JSON."""

import json
import time
from pathlib import Path

import boto3
import sagemaker
from sagemaker.analytics import ExperimentAnalytics, TrainingJobAnalytics
from sagemaker.estimator import Estimator
from sagemaker.experiments import Run, load_run
from sagemaker.inputs import TrainingInput
from sagemaker.model_monitor import CronExpressionGenerator, DataCaptureConfig, DefaultModelMonitor, EndpointInput
from sagemaker.model_monitor.dataset_format import DatasetFormat
from sagemaker.serializers import CSVSerializer

session = sagemaker.Session()
bucket = session.default_bucket()
role = sagemaker.get_execution_role()
smclient = boto3.client("sagemaker")

Path("rows.csv").write_text("\n".join(f"{i % 2},{i % 2 + i % 7 / 10},{i % 5}" for i in range(400)) + "\n")
rows = session.upload_data("rows.csv", key_prefix="rows")
estimator = Estimator(
    image_uri=sagemaker.image_uris.retrieve("xgboost", session.boto_region_name, version="3.0-5"),
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"num_round": 5, "objective": "binary:logistic", "eval_metric": "auc"},
)
data = TrainingInput(rows, content_type="text/csv")
with Run("tracked", run_name="first", sagemaker_session=session) as run:
    run.log_parameter("rows", 400)
    estimator.fit({"train": data, "validation": data}, logs=False)
with load_run(experiment_name="tracked", run_name="first", sagemaker_session=session) as run:
    run.log_metric("score", 0.5)
job = estimator.latest_training_job.name
curve = TrainingJobAnalytics(job, metric_names=["validation:auc"]).dataframe()
attached = Estimator.attach(job)
table = ExperimentAnalytics(experiment_name="tracked", sagemaker_session=session).dataframe()

predictor = estimator.deploy(
    1,
    "ml.m5.large",
    endpoint_name="watched",
    serializer=CSVSerializer(),
    data_capture_config=DataCaptureConfig(True, sampling_percentage=100, destination_s3_uri=f"s3://{bucket}/capture"),
)
predictor.predict("0.1,1\n1.4,2")

monitor = DefaultModelMonitor(role=role, instance_type="ml.m5.large", sagemaker_session=session)
Path("baseline.csv").write_text("label,x,y\n" + Path("rows.csv").read_text())
monitor.suggest_baseline(
    baseline_dataset="baseline.csv", dataset_format=DatasetFormat.csv(header=True), logs=False, wait=True
)
now = time.time()
waited = now - monitor.latest_baselining_job.describe()["ProcessingEndTime"].timestamp()
features = monitor.suggested_constraints().body_dict["features"]
monitor.create_monitoring_schedule(
    monitor_schedule_name="hourly",
    endpoint_input=EndpointInput("watched", "/opt/ml/processing/input/endpoint"),
    output_s3_uri=f"s3://{bucket}/reports",
    statistics=monitor.baseline_statistics(),
    constraints=monitor.suggested_constraints(),
    schedule_cron_expression=CronExpressionGenerator.hourly(),
)
scheduled = monitor.describe_schedule()["MonitoringScheduleStatus"]
monitor.stop_monitoring_schedule()
stopped = monitor.describe_schedule()["MonitoringScheduleStatus"]
monitor.delete_monitoring_schedule()
predictor.delete_model()
predictor.delete_endpoint()

components = table["TrialComponentName"].tolist()
print()
print(
    json.dumps(
        {
            "components": [name.replace(job, "job") for name in sorted(components)],
            "columns": sorted({"score - Last", "validation:auc - Last", "rows", "num_round"} & set(table.columns)),
            "curve": curve["metric_name"].unique().tolist(),
            "attached": [attached.model_data == estimator.model_data, attached.hyperparameters()["num_round"]],
            "features": [[item["name"], item["inferred_type"]] for item in features],
            "waited": waited,
            "schedule": [scheduled, stopped],
            "left": smclient.list_monitoring_schedules()["MonitoringScheduleSummaries"],
        }
    )
)
