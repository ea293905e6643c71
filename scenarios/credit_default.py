"""Credit card defaults, from the raw table to a monitored endpoint: the whole lifecycle as ordinary SDK v2 code.

Runs wherever its session points. Steps that do not need each other overlap, as one would do it on AWS to save time.
"""

import csv
import importlib
import io
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sagemaker import image_uris
from sagemaker.analytics import ExperimentAnalytics
from sagemaker.deserializers import StringDeserializer
from sagemaker.estimator import Estimator
from sagemaker.experiments import Run, load_run
from sagemaker.inputs import TrainingInput
from sagemaker.model_monitor import CronExpressionGenerator, DataCaptureConfig, DefaultModelMonitor, EndpointInput
from sagemaker.model_monitor.dataset_format import DatasetFormat
from sagemaker.processing import ProcessingInput, ProcessingOutput
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.serializers import CSVSerializer
from sagemaker.sklearn.processing import SKLearnProcessor
from sagemaker.transformer import Transformer

from harness.asserts import Expectations, classification
from harness.asserts.monitoring import captured_records, without_sketches
from harness.asserts.objects import listing, read_json
from harness.scenario.session import Session

TITLE = "Credit card defaults: processing, training, batch, endpoint, monitoring"
SDK = "v2"
TAGS = ("reference", "xgboost", "monitoring")
PARITY = "same-as-aws"

EXPERIMENT = "credit-default"
INSTANCE = "ml.m5.xlarge"
HOUR = 3600
ROWS_PER_REQUEST, REQUESTS = 10, 40
SPLITS = ("train", "validation", "test", "test_features", "test_labels", "baseline")
HYPERPARAMETERS = {"objective": "binary:logistic", "eval_metric": "auc", "num_round": 60, "max_depth": 5, "eta": 0.2}
# What the drifted traffic does to the table, each found by its own check, and the model's answers moving with it.
DRIFT = {
    ("LIMIT_BAL", "baseline_drift_check"),
    ("AGE", "baseline_drift_check"),
    ("PAY_0", "baseline_drift_check"),
    ("BILL_AMT1", "data_type_check"),
    ("EDUCATION", "completeness_check"),
    ("Prediction", "baseline_drift_check"),
}


@dataclass(frozen=True)
class Story:
    """What every chapter needs: the session, its expectations, the SDK's session, a name and a place in S3."""

    session: Session
    expect: Expectations
    sm: Any
    name: str
    home: str

    def read(self, key: str) -> str:
        return S3Downloader.read_file(f"{self.home}/{key}", sagemaker_session=self.sm)


class OfflineModel:
    """The downloaded model as xgboost itself loads it: what every answer is compared with."""

    def __init__(self, file):
        import xgboost

        self._matrix, self._booster = xgboost.DMatrix, xgboost.Booster(model_file=str(file))

    def predict(self, text):
        """One number for each row of CSV text, as the endpoint prints them."""
        return self._booster.predict(self._matrix(numbers(text))).astype(float).tolist()


def run(session):
    sm = session.sagemaker_session()
    name = f"credit-default-{session.run_id}"
    story = Story(session, Expectations(session), sm, name, f"s3://{sm.default_bucket()}/{name}")
    with session.step("Stage the data"):
        raw = stage(story)
    with session.step("Process: clean and split"):
        # The offline model needs it later, and while jobs run there is time to import it.
        threading.Thread(target=importlib.import_module, args=("xgboost",)).start()
        process(story, raw)
    with session.step("Train the built-in XGBoost in an experiment"):
        estimator, model = train(story)
    with session.step("Deploy with data capture, suggest a baseline and predict in batch, all at once"):
        predictor = deploy(story, estimator)
        batch = predict_in_batch(story)
        monitor = suggest_baseline(story, model)
        batch.wait(logs=False)
        story.expect.completed("TransformJob", batch.latest_transform_job.name)
    with session.step("Evaluate on the test set"):
        evaluate(story, model)
        compare_trials(story, estimator.latest_training_job.name)
    with session.step("An hour of clean traffic"):
        sm.wait_for_endpoint(name)
        clean = story.read("data/test_features/test_features.csv").splitlines()
        ask(story, predictor, model, clean[: ROWS_PER_REQUEST * REQUESTS], "clean")
        schedule(story, monitor)
        an_hour_passes(story, REQUESTS)
        found = inspect(story, monitor, "Completed", "Clean traffic")
        story.expect.violations(found, set(), "clean traffic violates nothing")
    with session.step("An hour of drifted traffic"):
        ask(story, predictor, model, drifted_rows(session, ROWS_PER_REQUEST * REQUESTS), "drifted")
        an_hour_passes(story, 2 * REQUESTS)
        found = inspect(story, monitor, "CompletedWithViolations", "Drifted traffic")
        story.expect.violations(found, DRIFT, "drifted traffic violates what drifted, and nothing else")


def stage(story):
    session = story.session
    table = session.data or session.made("credit_default/make.py", "credit_default.csv")
    raw = S3Uploader.upload(str(table), f"{story.home}/raw", sagemaker_session=story.sm)
    story.expect.objects(f"{story.home}/raw/", [table.name])
    return raw


def process(story, raw):
    processor = SKLearnProcessor(
        framework_version="1.4-2",
        role=story.session.role,
        instance_type=story.session.instance_type(INSTANCE),
        instance_count=1,
        base_job_name="credit-default-processing",
        sagemaker_session=story.sm,
    )
    processor.run(
        code=str(story.session.fixtures / "credit_default" / "preprocess.py"),
        inputs=[ProcessingInput(source=raw, destination="/opt/ml/processing/input")],
        outputs=[
            ProcessingOutput(
                output_name=split,
                source=f"/opt/ml/processing/output/{split}",
                destination=f"{story.home}/data/{split}",
            )
            for split in SPLITS
        ],
        arguments=["--train-ratio", "0.7", "--validation-ratio", "0.15"],
    )
    story.expect.completed("ProcessingJob", processor.latest_job.job_name)
    story.expect.objects(f"{story.home}/data/", [f"{split}.csv" for split in SPLITS])


def train(story):
    """The built-in algorithm in a run of the experiment; returns the estimator and the model as xgboost loads it."""
    estimator = Estimator(
        image_uri=image_uris.retrieve("xgboost", story.session.region, version="3.0-5"),
        role=story.session.role,
        instance_count=1,
        instance_type=story.session.instance_type(INSTANCE),
        output_path=f"{story.home}/models",
        base_job_name="credit-default-training",
        hyperparameters=HYPERPARAMETERS,
        sagemaker_session=story.sm,
    )
    with Run(experiment_name=EXPERIMENT, run_name=story.session.run_id, sagemaker_session=story.sm) as trial:
        trial.log_parameters({"rows": "own table" if story.session.data else "generated", "split": "70/15/15"})
        estimator.fit(
            {
                "train": TrainingInput(f"{story.home}/data/train/", content_type="text/csv"),
                "validation": TrainingInput(f"{story.home}/data/validation/", content_type="text/csv"),
            }
        )
    job = story.expect.completed("TrainingJob", estimator.latest_training_job.name)
    metrics = {metric["MetricName"]: metric["Value"] for metric in job["FinalMetricDataList"]}
    story.expect.between(metrics["validation:auc"], 0.74, 0.82, "validation:auc")
    members = story.expect.archive(estimator.model_data, ["xgboost-model"])
    file = Path(story.session.work) / "xgboost-model.ubj"
    file.write_bytes(members["xgboost-model"])
    return estimator, OfflineModel(file)


def deploy(story, estimator):
    """Not waited for: what comes next needs the model only, not the endpoint."""
    capture = DataCaptureConfig(
        enable_capture=True, sampling_percentage=100, destination_s3_uri=f"{story.home}/capture"
    )
    predictor = estimator.deploy(
        initial_instance_count=1,
        instance_type=story.session.instance_type(INSTANCE),
        endpoint_name=story.name,
        model_name=story.name,
        serializer=CSVSerializer(),
        deserializer=StringDeserializer(accept="text/csv"),
        data_capture_config=capture,
        wait=False,
    )
    story.session.cleanup(predictor.delete_endpoint)
    story.session.cleanup(predictor.delete_model)
    return predictor


def predict_in_batch(story):
    """The test rows, each with its label before the prediction and without what lies between. Not waited for."""
    batch = Transformer(
        model_name=story.name,
        instance_count=1,
        instance_type=story.session.instance_type(INSTANCE),
        strategy="MultiRecord",
        assemble_with="Line",
        accept="text/csv",
        output_path=f"{story.home}/batch",
        base_transform_job_name="credit-default-test",
        sagemaker_session=story.sm,
    )
    batch.transform(
        f"{story.home}/data/test/",
        content_type="text/csv",
        split_type="Line",
        input_filter="$[1:]",
        join_source="Input",
        output_filter="$[0,-1]",
        wait=False,
        logs=False,
    )
    return batch


def evaluate(story, model):
    scored = numbers(story.read("batch/test.csv.out"))
    offline = model.predict(story.read("data/test_features/test_features.csv"))
    story.expect.close(scored[:, 1], offline, "batch predictions equal offline ones")
    quality = classification([int(label) for label in scored[:, 0]], scored[:, 1].tolist())
    story.expect.between(quality.auc, 0.74, 0.82, "AUC on the test set")
    story.session.show("classification", "Evaluation on the test set", **quality.evidence())
    with load_run(experiment_name=EXPERIMENT, run_name=story.session.run_id, sagemaker_session=story.sm) as trial:
        for metric, value in quality.metrics.items():
            trial.log_metric(f"test:{metric}", value)


def compare_trials(story, training_job):
    """The table in which a person compares trials: one row for each component of the experiment."""
    table = ExperimentAnalytics(experiment_name=EXPERIMENT, sagemaker_session=story.sm).dataframe()
    sources = " ".join(str(source) for source in table.get("SourceArn", ()))
    listed = f"it lists {sources or 'nothing'}"
    story.expect.that(training_job in sources, "the experiment lists the training job", listed)
    wanted = ["DisplayName", "max_depth", "eta", "num_round", "validation:auc - Last", "test:auc - Last"]
    columns = [column for column in wanted if column in table]
    rows = table[columns].astype(object).where(table[columns].notna(), None).values.tolist()
    story.session.show("table", "Trials of the experiment", columns=columns, rows=rows, compared=False)


def suggest_baseline(story, model):
    """From the training rows as the endpoint will be captured: the model's answer first, then what it was asked."""
    header, *rows = story.read("data/baseline/baseline.csv").splitlines()
    features = [row.partition(",")[2] for row in rows]
    lines = [f"Prediction,{header.partition(',')[2]}"]
    lines += [f"{answer},{row}" for answer, row in zip(model.predict("\n".join(features)), features, strict=True)]
    file = Path(story.session.work) / "baseline.csv"
    file.write_text("\n".join(lines) + "\n")
    monitor = DefaultModelMonitor(
        role=story.session.role,
        instance_type=story.session.instance_type(INSTANCE),
        base_job_name="credit-default-monitor",
        sagemaker_session=story.sm,
    )
    monitor.suggest_baseline(
        baseline_dataset=str(file),
        dataset_format=DatasetFormat.csv(header=True),
        output_s3_uri=f"{story.home}/baseline",
        wait=False,
        logs=False,
    )
    return monitor


def ask(story, predictor, model, rows, kind):
    """Rows in requests of a few; every live answer must be what the downloaded model says offline."""
    requests = [rows[start : start + ROWS_PER_REQUEST] for start in range(0, len(rows), ROWS_PER_REQUEST)]
    answers = [float(answer) for request in requests for answer in predictor.predict("\n".join(request)).split()]
    offline = model.predict("\n".join(rows))
    story.expect.close(answers, offline, f"live predictions of {kind} rows equal offline ones")


def schedule(story, monitor):
    """Hourly, against the suggested baseline, once that is there."""
    monitor.latest_baselining_job.wait(logs=False)
    story.expect.completed("ProcessingJob", monitor.latest_baselining_job.job_name)
    story.expect.objects(f"{story.home}/baseline/", ["statistics.json", "constraints.json"])
    monitor.create_monitoring_schedule(
        monitor_schedule_name=story.name,
        endpoint_input=EndpointInput(story.name, "/opt/ml/processing/input/endpoint"),
        output_s3_uri=f"{story.home}/reports",
        statistics=monitor.baseline_statistics(),
        constraints=monitor.suggested_constraints(),
        schedule_cron_expression=CronExpressionGenerator.hourly(),
    )
    story.session.cleanup(monitor.delete_monitoring_schedule)


def an_hour_passes(story, count):
    """Once all requests are captured in S3: capture never delays an answer, so it comes after it."""
    s3, prefix = story.session.client("s3"), f"{story.home}/capture"
    records = story.expect.eventually(
        lambda: len(found := captured_records(s3, prefix)) >= count and found, f"{count} requests were captured"
    )
    if count == REQUESTS:
        story.session.show("capture", "Captured requests", records=records)
    story.session.advance_clock(HOUR)


def inspect(story, monitor, status, title):
    """The latest execution of the schedule: shown in the report; returns its violations."""
    latest = story.session.client("sagemaker").list_monitoring_executions(
        MonitoringScheduleName=story.name, SortBy="ScheduledTime", SortOrder="Descending"
    )["MonitoringExecutionSummaries"][0]
    found = latest["MonitoringExecutionStatus"]
    reason = f"found {found}: {latest.get('FailureReason', '')}"
    story.expect.that(found == status, f"the monitor's execution is {status}", reason)
    execution = monitor.list_executions()[-1]
    s3 = story.session.client("s3")
    reports = {uri.rsplit("/", 1)[-1]: uri for uri in listing(s3, execution.output.destination)}
    violations = read_json(s3, reports["constraint_violations.json"])
    story.session.show(
        "monitoring",
        title,
        exit_message=execution.describe().get("ExitMessage", ""),
        violations=violations,
        statistics=without_sketches(read_json(s3, reports["statistics.json"])),
        baseline=without_sketches(monitor.baseline_statistics().body_dict),
        constraints=monitor.suggested_constraints().body_dict,
    )
    story.session.show("artifact", f"{title}: violations", uri=reports["constraint_violations.json"])
    return violations["violations"]


def drifted_rows(session, count):
    """Rows of the drifted population as requests: no label, no header."""
    file = session.made("credit_default/make.py", "credit_default_drifted.csv", drifted=True, count=count)
    return [line.partition(",")[2] for line in file.read_text().splitlines()[1:]]


def numbers(text):
    """CSV text as a matrix; an empty cell is a missing value."""
    return np.array([[float(cell) if cell else np.nan for cell in row] for row in csv.reader(io.StringIO(text))])
