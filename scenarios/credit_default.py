"""Credit card defaults from the raw table to a monitored endpoint: the whole lifecycle as ordinary SageMaker SDK v2 code.

Runs wherever its session points. Steps that do not need each other overlap, as one would do it on AWS to save time.
"""

import csv
import io
from pathlib import Path

import numpy as np
import xgboost
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

from harness.asserts import Expectations, classification
from harness.asserts.monitoring import captured_records, without_sketches
from harness.asserts.objects import listing, read_json

TITLE = "Credit card defaults: processing, training, batch, endpoint, monitoring"
SDK = "v2"
TAGS = ("reference", "xgboost", "monitoring")

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


def run(session):
    expect = Expectations(session)
    sm = session.sagemaker_session()
    name = f"credit-default-{session.run_id}"
    home = f"s3://{sm.default_bucket()}/{name}"

    with session.step("Stage the data"):
        table = session.data or session.made("credit_default/make.py", "credit_default.csv")
        raw = S3Uploader.upload(str(table), f"{home}/raw", sagemaker_session=sm)
        expect.objects(f"{home}/raw/", [table.name])

    with session.step("Process: clean and split"):
        processor = SKLearnProcessor(
            framework_version="1.4-2",
            role=session.role,
            instance_type=INSTANCE,
            instance_count=1,
            base_job_name="credit-default-processing",
            sagemaker_session=sm,
        )
        processor.run(
            code=str(session.fixtures / "credit_default" / "preprocess.py"),
            inputs=[ProcessingInput(source=raw, destination="/opt/ml/processing/input")],
            outputs=[
                ProcessingOutput(
                    output_name=split, source=f"/opt/ml/processing/output/{split}", destination=f"{home}/data/{split}"
                )
                for split in SPLITS
            ],
            arguments=["--train-ratio", "0.7", "--validation-ratio", "0.15"],
        )
        expect.completed("ProcessingJob", processor.latest_job.job_name)
        for split in SPLITS:
            expect.objects(f"{home}/data/{split}/", [f"{split}.csv"])

    with session.step("Train the built-in XGBoost in an experiment"):
        estimator = Estimator(
            image_uri=image_uris.retrieve("xgboost", session.region, version="3.0-5"),
            role=session.role,
            instance_count=1,
            instance_type=INSTANCE,
            output_path=f"{home}/models",
            base_job_name="credit-default-training",
            hyperparameters=HYPERPARAMETERS,
            sagemaker_session=sm,
        )
        with Run(experiment_name="credit-default", run_name=session.run_id, sagemaker_session=sm) as trial:
            trial.log_parameters({"rows": "the user's table" if session.data else "generated", "split": "70/15/15"})
            estimator.fit(
                {
                    "train": TrainingInput(f"{home}/data/train/", content_type="text/csv"),
                    "validation": TrainingInput(f"{home}/data/validation/", content_type="text/csv"),
                }
            )
        training = expect.completed("TrainingJob", estimator.latest_training_job.name)
        metrics = {metric["MetricName"]: metric["Value"] for metric in training["FinalMetricDataList"]}
        expect.between(metrics["validation:auc"], 0.74, 0.82, "validation:auc")
        model = offline_model(expect, estimator.model_data, session.work)

    with session.step("Deploy with data capture, and predict in batch meanwhile"):
        predictor = estimator.deploy(
            initial_instance_count=1,
            instance_type=INSTANCE,
            endpoint_name=name,
            serializer=CSVSerializer(),
            deserializer=StringDeserializer(accept="text/csv"),
            data_capture_config=DataCaptureConfig(
                enable_capture=True, sampling_percentage=100, destination_s3_uri=f"{home}/capture"
            ),
            wait=False,
        )
        session.cleanup(predictor.delete_endpoint)
        batches = {}
        for split, columns in (("test", "$[0,-1]"), ("train", "$[-1]")):
            batches[split] = estimator.transformer(
                instance_count=1,
                instance_type=INSTANCE,
                strategy="MultiRecord",
                assemble_with="Line",
                accept="text/csv",
                output_path=f"{home}/batch/{split}",
            )
            session.cleanup(batches[split].delete_model)
            batches[split].transform(
                f"{home}/data/{split}/",
                content_type="text/csv",
                split_type="Line",
                input_filter="$[1:]",
                join_source="Input",
                output_filter=columns,
                wait=False,
                logs=False,
            )
        for batch in batches.values():
            batch.wait(logs=False)
            expect.completed("TransformJob", batch.latest_transform_job.name)

    with session.step("Evaluate on the held-out rows"):
        scored = numbers(S3Downloader.read_file(f"{home}/batch/test/test.csv.out", sagemaker_session=sm))
        features = S3Downloader.read_file(f"{home}/data/test_features/test_features.csv", sagemaker_session=sm)
        rows = features.splitlines()
        expect.close(
            scored[:, 1], model.predict(xgboost.DMatrix(numbers(features))), "batch predictions equal offline ones"
        )
        quality = classification([int(label) for label in scored[:, 0]], scored[:, 1].tolist())
        expect.between(quality.auc, 0.74, 0.82, "AUC on the test set")
        session.show("classification", "Evaluation on the test set", **quality.evidence())
        with load_run(experiment_name="credit-default", run_name=session.run_id, sagemaker_session=sm) as trial:
            for metric, value in quality.metrics.items():
                trial.log_metric(f"test:{metric}", value)
        compare_trials(session, expect, sm, estimator.latest_training_job.name)

    with session.step("Suggest a baseline, and send clean traffic meanwhile"):
        monitor = DefaultModelMonitor(
            role=session.role, instance_type=INSTANCE, base_job_name="credit-default-monitor", sagemaker_session=sm
        )
        baseline = monitor.suggest_baseline(
            baseline_dataset=baseline_table(sm, home, session.work),
            dataset_format=DatasetFormat.csv(header=True),
            output_s3_uri=f"{home}/baseline",
            wait=False,
            logs=False,
        )
        sm.wait_for_endpoint(name)
        clean = rows[: ROWS_PER_REQUEST * REQUESTS]
        answers = send(predictor, clean)
        expect.close(
            answers, model.predict(xgboost.DMatrix(numbers("\n".join(clean)))), "live predictions equal offline ones"
        )
        baseline.wait(logs=False)
        expect.completed("ProcessingJob", baseline.job_name)
        expect.objects(f"{home}/baseline/", ["statistics.json", "constraints.json"])

    with session.step("Schedule the monitor hourly; an hour of clean traffic"):
        monitor.create_monitoring_schedule(
            monitor_schedule_name=name,
            endpoint_input=EndpointInput(name, "/opt/ml/processing/input/endpoint"),
            output_s3_uri=f"{home}/reports",
            statistics=monitor.baseline_statistics(),
            constraints=monitor.suggested_constraints(),
            schedule_cron_expression=CronExpressionGenerator.hourly(),
        )
        session.cleanup(monitor.delete_monitoring_schedule)
        records = captured(session, expect, f"{home}/capture", REQUESTS)
        session.show("capture", "A captured request", record=records[0])
        session.advance_clock(HOUR)
        found = inspected(session, expect, monitor, "Completed", "Clean traffic")
        expect.violations(found, set(), "clean traffic violates nothing")

    with session.step("An hour of drifted traffic"):
        drifted = drifted_rows(session, ROWS_PER_REQUEST * REQUESTS)
        answers = send(predictor, drifted)
        expect.close(
            answers,
            model.predict(xgboost.DMatrix(numbers("\n".join(drifted)))),
            "drifted predictions equal offline ones",
        )
        captured(session, expect, f"{home}/capture", 2 * REQUESTS)
        session.advance_clock(HOUR)
        found = inspected(session, expect, monitor, "CompletedWithViolations", "Drifted traffic")
        expect.violations(found, DRIFT, "drifted traffic violates what drifted, and nothing else")


def numbers(text):
    """CSV text as a matrix; an empty cell is a missing value."""
    return np.array([[float(cell) if cell else np.nan for cell in row] for row in csv.reader(io.StringIO(text))])


def offline_model(expect, uri, folder):
    """The trained model, downloaded and loaded by xgboost itself."""
    members = expect.archive(uri, ["xgboost-model"])
    file = Path(folder) / "xgboost-model.ubj"
    file.write_bytes(members["xgboost-model"])
    return xgboost.Booster(model_file=str(file))


def compare_trials(session, expect, sm, training_job):
    """The table in which a person compares trials: one row for each component of the experiment."""
    table = ExperimentAnalytics(experiment_name="credit-default", sagemaker_session=sm).dataframe()
    sources = " ".join(str(source) for source in table.get("SourceArn", ()))
    expect.that(training_job in sources, "the experiment lists the training job", f"it lists {sources or 'nothing'}")
    wanted = ["DisplayName", "max_depth", "eta", "num_round", "validation:auc - Last", "test:auc - Last"]
    columns = [column for column in wanted if column in table]
    rows = table[columns].astype(object).where(table[columns].notna(), None).values.tolist()
    session.show("table", "Trials of the experiment", columns=columns, rows=rows)


def baseline_table(sm, home, folder):
    """The training rows as the endpoint will be captured: the model's answer first, then what it was asked."""
    predictions = S3Downloader.read_file(f"{home}/batch/train/train.csv.out", sagemaker_session=sm).splitlines()
    header, *rows = S3Downloader.read_file(f"{home}/data/baseline/baseline.csv", sagemaker_session=sm).splitlines()
    lines = [f"Prediction,{header.partition(',')[2]}"]
    lines += [f"{answer},{row.partition(',')[2]}" for answer, row in zip(predictions, rows, strict=True)]
    file = Path(folder) / "baseline.csv"
    file.write_text("\n".join(lines) + "\n")
    return str(file)


def drifted_rows(session, count):
    """Rows of the drifted population as requests: no label, no header."""
    file = session.made("credit_default/make.py", "credit_default_drifted.csv", drifted=True, count=count)
    return [line.partition(",")[2] for line in file.read_text().splitlines()[1:]]


def send(predictor, rows):
    """Some rows in each request; one answer for each row."""
    requests = [rows[start : start + ROWS_PER_REQUEST] for start in range(0, len(rows), ROWS_PER_REQUEST)]
    return [float(answer) for request in requests for answer in predictor.predict("\n".join(request)).split()]


def captured(session, expect, prefix, count):
    """The captured requests, once all have arrived in S3: capture never delays an answer, so it comes after it."""
    s3 = session.client("s3")
    return expect.eventually(
        lambda: len(found := captured_records(s3, prefix)) >= count and found, f"{count} requests were captured"
    )


def inspected(session, expect, monitor, status, title):
    """The latest execution of the schedule: shown in the report; returns its violations."""
    latest = session.client("sagemaker").list_monitoring_executions(
        MonitoringScheduleName=monitor.monitoring_schedule_name, SortBy="ScheduledTime", SortOrder="Descending"
    )["MonitoringExecutionSummaries"][0]
    found = latest["MonitoringExecutionStatus"]
    expect.that(
        found == status, f"the monitor's execution is {status}", f"found {found}: {latest.get('FailureReason', '')}"
    )
    execution = monitor.list_executions()[-1]
    folder = execution.output.destination
    s3 = session.client("s3")
    reports = {uri.rsplit("/", 1)[-1]: uri for uri in listing(s3, folder)}
    violations = read_json(s3, reports["constraint_violations.json"])
    session.show(
        "monitoring",
        title,
        exit_message=execution.describe().get("ExitMessage", ""),
        violations=violations,
        statistics=without_sketches(read_json(s3, reports["statistics.json"])),
        baseline=without_sketches(monitor.baseline_statistics().body_dict),
    )
    session.show("artifact", f"{title}: violations", uri=reports["constraint_violations.json"])
    return violations["violations"]
