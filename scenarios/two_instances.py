"""Training on two instances: each reads half of the data, and they make one model together."""

import csv

import numpy as np
import sagemaker
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput

from harness.asserts import Expectations, classification

TITLE = "Two instances: the built-in XGBoost, distributed, next to one instance"
SDK = "v2"
TAGS = ("xgboost", "several-hosts")
PARITY = "same-as-aws"

INSTANCE = "ml.m5.large"
HALVES = 2
PARAMETERS = {"num_round": 20, "objective": "binary:logistic", "max_depth": 3, "eval_metric": "auc"}


def run(session):
    expect = Expectations(session)
    sm = session.sagemaker_session()
    name = f"two-instances-{session.run_id}"
    home = f"s3://{sm.default_bucket()}/{name}"

    with session.step("Stage the data in two halves"):
        data = session.made("breast_cancer/make.py", "channels")
        rows = (data / "train" / "train.csv").read_text().splitlines(keepends=True)
        for half in range(HALVES):
            sm.upload_string_as_file_body("".join(rows[half::HALVES]), sm.default_bucket(), f"{name}/train/{half}.csv")
        sm.upload_data(str(data / "validation"), key_prefix=f"{name}/validation")

    def train(count):
        estimator = Estimator(
            sagemaker.image_uris.retrieve("xgboost", session.region, version="3.0-5"),
            session.role,
            instance_count=count,
            instance_type=session.instance_type(INSTANCE),
            output_path=f"{home}/models",
            base_job_name=f"two-instances-{count}",
            hyperparameters=PARAMETERS,
            sagemaker_session=sm,
        )
        sharded = TrainingInput(f"{home}/train/", content_type="text/csv", distribution="ShardedByS3Key")
        whole = TrainingInput(f"{home}/validation/", content_type="text/csv")
        estimator.fit({"train": sharded, "validation": whole}, logs=False)
        expect.completed("TrainingJob", estimator.latest_training_job.name)
        return estimator

    with session.step("Train on one instance"):
        one = train(1)

    with session.step("Train on two"):
        two = train(HALVES)
        job = two.latest_training_job.name
        expect.logged("TrainingJob", job, r"Distributed node training with 2 hosts")
        expect.metric(job, "validation:auc", 0.98, 1.0)

    with session.step("Compare the two models"):
        table = np.array(
            [[float(cell) for cell in row] for row in csv.reader((data / "validation" / "validation.csv").open())]
        )
        areas = []
        for estimator, title in ((one, "One instance"), (two, "Two instances")):
            scores = expect.model(estimator.model_data).inplace_predict(table[:, 1:])
            quality = classification(table[:, 0].astype(int).tolist(), scores.tolist())
            session.show("classification", f"{title}: validation rows", **quality.evidence())
            areas.append(quality.auc)
        expect.between(areas[1] / areas[0], 0.99, 1.01, "two instances are as good as one, within 1 %")
