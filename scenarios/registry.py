"""The model registry: register two versions of a model, approve, deploy and compare them, and roll back."""

import csv
import io
import json

import sagemaker
from sagemaker import ModelPackage
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.model_metrics import MetricsSource, ModelMetrics
from sagemaker.predictor import Predictor
from sagemaker.s3 import S3Downloader, S3Uploader
from sagemaker.serializers import CSVSerializer

from harness.asserts import Expectations, classification

TITLE = "The model registry: register, approve, deploy, roll back"
SDK = "v2"
TAGS = ("registry", "xgboost")
PARITY = "same-as-aws"

INSTANCE = "ml.m5.large"
PARAMETERS = {"num_round": 20, "objective": "binary:logistic", "eval_metric": "auc"}
LEAST_AUC = 0.97


def run(session):
    expect = Expectations(session)
    sm = session.sagemaker_session()
    registry = sm.sagemaker_client
    name = f"registry-{session.run_id}"
    home = f"s3://{sm.default_bucket()}/{name}"
    instance = session.instance_type(INSTANCE)

    with session.step("Stage the data"):
        data = session.made("breast_cancer/make.py", "channels")
        for channel in ("train", "validation"):
            sm.upload_data(str(data / channel), key_prefix=f"{name}/{channel}")
        rows = list(csv.reader((data / "validation" / "validation.csv").open()))
        labels, features = [int(row[0]) for row in rows], [row[1:] for row in rows]
        S3Uploader.upload_string_as_file_body(text(features), f"{home}/batch/rows.csv", sagemaker_session=sm)

    def register(**parameters):
        """Train a model and register it. Return the ARN of the new version."""
        estimator = Estimator(
            sagemaker.image_uris.retrieve("xgboost", session.region, version="3.0-5"),
            session.role,
            instance_count=1,
            instance_type=instance,
            output_path=f"{home}/models",
            base_job_name="registry",
            hyperparameters={**PARAMETERS, **parameters},
            sagemaker_session=sm,
        )
        channels = {part: TrainingInput(f"{home}/{part}/", content_type="text/csv") for part in ("train", "validation")}
        estimator.fit(channels, logs=False)
        job = estimator.latest_training_job.describe()
        expect.completed("TrainingJob", job["TrainingJobName"])
        figures = {item["MetricName"]: item["Value"] for item in job["FinalMetricDataList"]}
        report = f"{home}/metrics/{job['TrainingJobName']}.json"
        S3Uploader.upload_string_as_file_body(json.dumps(figures), report, sagemaker_session=sm)
        package = estimator.register(
            content_types=["text/csv"],
            response_types=["text/csv"],
            inference_instances=[instance],
            transform_instances=[instance],
            model_package_group_name=name,
            model_metrics=ModelMetrics(model_statistics=MetricsSource("application/json", report)),
            customer_metadata_properties={"training-job": job["TrainingJobName"]},
        )
        session.cleanup(lambda: registry.delete_model_package(ModelPackageName=package.model_package_arn))
        return package.model_package_arn

    with session.step("Train and register a first version"):
        registry.create_model_package_group(ModelPackageGroupName=name, ModelPackageGroupDescription=TITLE)
        session.cleanup(lambda: registry.delete_model_package_group(ModelPackageGroupName=name))
        first = register(max_depth=3)
        found = registry.describe_model_package(ModelPackageName=first)
        expect.equal(found["ModelPackageVersion"], 1, "the first version is number 1")
        expect.equal(found["ModelApprovalStatus"], "PendingManualApproval", "it waits for its approval")

    with session.step("Approve it and deploy it"):
        approve(registry, first)
        model = ModelPackage(role=session.role, model_package_arn=latest(registry, name), sagemaker_session=sm)
        model.deploy(1, instance, endpoint_name=name)
        predictor = Predictor(name, sagemaker_session=sm, serializer=CSVSerializer())
        session.cleanup(predictor.delete_endpoint)
        session.cleanup(model.delete_model)
        before = quality(labels, predictor.predict(features))
        expect.between(before.auc, LEAST_AUC, 1.0, "AUC of the endpoint's answers")

    with session.step("Predict in batch with it"):
        transformer = model.transformer(1, instance, output_path=f"{home}/scores", assemble_with="Line")
        transformer.transform(f"{home}/batch/", content_type="text/csv", split_type="Line", logs=False)
        scores = S3Downloader.read_file(f"{home}/scores/rows.csv.out", sagemaker_session=sm)
        expect.between(quality(labels, scores.encode()).auc, before.auc, before.auc, "batch and endpoint agree")

    with session.step("Register a second version, a poor one, and deploy it as well"):
        second = register(max_depth=1, num_round=1, eta=0.01)
        approve(registry, second)
        expect.equal(latest(registry, name), second, "the latest approved version is the second")
        poor = ModelPackage(role=session.role, model_package_arn=second, sagemaker_session=sm)
        poor.create(instance_type=instance)
        session.cleanup(poor.delete_model)
        predictor.update_endpoint(initial_instance_count=1, instance_type=instance, model_name=poor.name)
        after = quality(labels, predictor.predict(features))
        expect.that(after.auc < before.auc, "it is worse", f"AUC {after.auc:.4f} after {before.auc:.4f}")

    with session.step("Reject it and roll back"):
        registry.update_model_package(
            ModelPackageArn=second, ModelApprovalStatus="Rejected", ApprovalDescription=f"AUC {after.auc:.4f}"
        )
        expect.equal(latest(registry, name), first, "the latest approved version is the first again")
        predictor.update_endpoint(initial_instance_count=1, instance_type=instance, model_name=model.name)
        again = quality(labels, predictor.predict(features))
        expect.between(again.auc, before.auc, before.auc, "the endpoint answers as before")
        session.show("classification", "Answers after the roll-back", **again.evidence())


def approve(registry, arn):
    registry.update_model_package(ModelPackageArn=arn, ModelApprovalStatus="Approved")


def latest(registry, group):
    """Return the ARN of the newest approved version."""
    found = registry.list_model_packages(
        ModelPackageGroupName=group, ModelApprovalStatus="Approved", SortBy="CreationTime", SortOrder="Descending"
    )
    return found["ModelPackageSummaryList"][0]["ModelPackageArn"]


def text(rows):
    return "".join(",".join(row) + "\n" for row in rows)


def quality(labels, answer):
    """Return the quality of the scores in an answer, which are separated by commas or lines."""
    return classification(labels, [float(cell) for row in csv.reader(io.StringIO(answer.decode())) for cell in row])
